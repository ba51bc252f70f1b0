/** The formats that texts of custom resources are checked against; others are ignored. */
import { RE2JS } from 're2js';
import { DurationError, parseDuration } from '../duration.ts';
import { parseCidr, parseIp } from '../ip.ts';

const HOSTNAME = RE2JS.compile('^([a-zA-Z0-9\\p{S}\\p{L}]((-?[a-zA-Z0-9\\p{S}\\p{L}]{0,62})?)|([a-zA-Z0-9\\p{S}\\p{L}](([a-zA-Z0-9-\\p{S}\\p{L}]{0,61}[a-zA-Z0-9\\p{S}\\p{L}])?)(\\.)){1,}([a-zA-Z\\p{L}]){2,63})$');
const HOSTNAME_BYTES_MAX = 255;
const LABEL_BYTES_MAX = 63;
const CARD = /^(?:4[0-9]{12}(?:[0-9]{3})?|5[1-5][0-9]{14}|6(?:011|5[0-9][0-9])[0-9]{12}|3[47][0-9]{13}|3(?:0[0-5]|[68][0-9])[0-9]{11}|(?:2131|1800|35\d{3})\d{11})$/;
const COLOR_PART = '\\s*(0|[1-9]\\d?|1\\d\\d?|2[0-4]\\d|25[0-5])\\s*';
const RGB = new RegExp(`^rgb\\(${COLOR_PART},${COLOR_PART},${COLOR_PART}\\)$`);
const TIME = /^([0-9]{2}):([0-9]{2}):([0-9]{2})(.[0-9]+)?(z|([+-][0-9]{2}:[0-9]{2}))$/;
const DURATION_PART = /((\d+)\s*([A-Za-zµ]+))/g;
const DURATION_UNITS = /^(?:ns|nano.*|us|µs|micro.*|ms|milli.*|s|sec.*|m|min.*|h|hr|hour.*|d|day.*|w|wk|week.*)$/i;
const MAC_LENGTHS = [6, 8, 20];

const pattern = (expression: RegExp) => (text: string): boolean => expression.test(text);

function isHostname(text: string): boolean {
  return HOSTNAME.test(text) && Buffer.byteLength(text) <= HOSTNAME_BYTES_MAX && text.split('.').every((label) => Buffer.byteLength(label) <= LABEL_BYTES_MAX);
}

function isDate(text: string): boolean {
  const parts = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text);
  if (parts === null) return false;
  const [year, month, day] = parts.slice(1).map(Number) as [number, number, number];
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  const days = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
  return month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1]!;
}

function isDateTime(text: string): boolean {
  const parts = text.toLowerCase().split('t');
  if (parts.length < 2 || !isDate(parts[0]!)) return false;
  const time = TIME.exec(parts[1]!);
  return time !== null && time[1]! <= '23' && time[2]! <= '59' && time[3]! <= '59';
}

function isDuration(text: string): boolean {
  try {
    parseDuration(text);
    return true;
  } catch (error) {
    if (!(error instanceof DurationError)) throw error;
  }
  return [...text.matchAll(DURATION_PART)].some((match) => DURATION_UNITS.test(match[3]!));
}

function isCreditCard(text: string): boolean {
  const digits = text.replace(/[^0-9]+/g, '');
  if (!CARD.test(digits)) return false;
  let sum = 0;
  for (let index = 0; index < digits.length; index++) {
    const digit = Number(digits[digits.length - 1 - index]);
    const value = index % 2 === 1 ? digit * 2 : digit;
    sum += value >= 10 ? (value % 10) + 1 : value;
  }
  return sum % 10 === 0;
}

function isIsbn10(text: string): boolean {
  const digits = text.replace(/[\s-]+/g, '');
  if (!/^(?:[0-9]{9}X|[0-9]{10})$/.test(digits)) return false;
  let sum = 0;
  for (let index = 0; index < 10; index++) sum += (index + 1) * (digits[index] === 'X' ? 10 : Number(digits[index]));
  return sum % 11 === 0;
}

function isIsbn13(text: string): boolean {
  const digits = text.replace(/[\s-]+/g, '');
  if (!/^[0-9]{13}$/.test(digits)) return false;
  let sum = 0;
  for (let index = 0; index < 13; index++) sum += Number(digits[index]) * (index % 2 === 0 ? 1 : 3);
  return sum % 10 === 0;
}

/** Six, eight or twenty bytes with colons, dashes, or dots between pairs of them. */
function isMac(text: string): boolean {
  const separator = text[2] === ':' || text[2] === '-' ? text[2] : text[4] === '.' ? '.' : undefined;
  if (separator === undefined) return false;
  const parts = text.split(separator);
  const width = separator === '.' ? 4 : 2;
  return parts.every((part) => part.length === width && /^[0-9a-fA-F]+$/.test(part)) && MAC_LENGTHS.includes((parts.length * width) / 2);
}

const ATOM = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~\\u0080-\\uffff-]+";
const ADDRESS = new RegExp(`^(?:${ATOM}(?:\\.${ATOM})*|"(?:[^"\\\\]|\\\\.)*")@(?:${ATOM}(?:\\.${ATOM})*|\\[[^\\]]*\\])$`);

/** In linear time: the parts may be read in many ways. */
const DISPLAY_NAME = RE2JS.compile('^(?:(?:[A-Za-z0-9!#$%&\'*+/=?^_`{|}~.-]|[^\\x00-\\x7f]|"(?:[^"\\\\]|\\\\.)*")[ \\t]*)*$');

/** One address, alone or in angle brackets behind a name. */
function isEmail(text: string): boolean {
  const trimmed = text.trim();
  const named = /^(.*)<([^<>]*)>$/s.exec(trimmed);
  if (named === null) return ADDRESS.test(trimmed);
  return ADDRESS.test(named[2]!.trim()) && DISPLAY_NAME.test(named[1]!.trim());
}

/** As in a request line: absolute, or a path from the root. */
function isRequestUri(text: string): boolean {
  // eslint-disable-next-line no-control-regex -- what is refused
  if (text === '' || /[\x00-\x1f\x7f]/.test(text)) return false;
  if (text.includes('%') && /%(?![0-9A-Fa-f]{2})/.test(text.split('?')[0]!)) return false;
  if (text === '*') return true;
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(text);
  if (scheme === null) {
    if (!text.startsWith('/')) return false;
    return !text.startsWith('//') || !/[ <>]/.test(text.slice(2).split('/')[0]!);
  }
  const rest = text.slice(scheme[0].length);
  if (!rest.startsWith('//')) return true;
  const host = rest.slice(2).split(/[/?#]/)[0]!.replace(/^.*@/, '');
  if (/[ <>"\\^`{|}]/.test(host)) return false;
  const port = /^(?:\[[^\]]*\]|[^:]*)(.*)$/.exec(host)![1]!;
  return port === '' || /^:\d*$/.test(port);
}

const hexUuid = (third: string, fourth: string): RegExp => new RegExp(`^[0-9a-f]{8}-?[0-9a-f]{4}-?${third}[0-9a-f]{3}-?${fourth}[0-9a-f]{3}-?[0-9a-f]{12}$`, 'i');
const HEX = '[0-9a-f]';

/** By name without dashes. */
const FORMATS: Readonly<Record<string, (text: string) => boolean>> = {
  bsonobjectid: pattern(/^[0-9a-fA-F]{24}$/), uri: isRequestUri, email: isEmail, hostname: isHostname,
  ipv4: (text) => text.includes('.') && parseIp(text) !== undefined,
  ipv6: (text) => text.includes(':') && parseIp(text, true) !== undefined,
  cidr: (text) => parseCidr(text) !== undefined, mac: isMac,
  uuid: pattern(hexUuid(HEX, HEX)), uuid3: pattern(hexUuid('3', HEX)), uuid4: pattern(hexUuid('4', '[89ab]')), uuid5: pattern(hexUuid('5', '[89ab]')),
  isbn: (text) => isIsbn10(text) || isIsbn13(text), isbn10: isIsbn10, isbn13: isIsbn13, creditcard: isCreditCard,
  ssn: (text) => text.length === 11 && /^\d{3}[- ]?\d{2}[- ]?\d{4}$/.test(text),
  hexcolor: pattern(/^#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$/), rgbcolor: pattern(RGB),
  byte: pattern(/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})$/),
  password: () => true, date: isDate, duration: isDuration, datetime: isDateTime,
  k8sshortname: (text) => text.length <= 63 && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(text),
  k8slongname: (text) => text.length <= 253 && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(text),
};

/** The check of a text format; undefined for one that is not known. */
export function textFormat(name: string): ((text: string) => boolean) | undefined {
  const plain = name.replaceAll('-', '');
  return Object.hasOwn(FORMATS, plain) ? FORMATS[plain] : undefined;
}

const NUMBER_FORMATS: Readonly<Record<string, readonly string[]>> = { integer: ['int32', 'int64'], number: ['float', 'double'] };

/** The format as it counts: '' where it is unknown for that type. */
export function knownFormat(type: string, format: string): string {
  if (type === '' || type === 'string') return textFormat(format) === undefined ? '' : format;
  return NUMBER_FORMATS[type]?.includes(format) === true ? format : '';
}
