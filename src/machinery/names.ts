/**
 * The rules of names and other short texts, with upstream's messages: DNS labels and subdomains, label keys and values,
 * path segments, ports, environment variables, configuration keys.
 *
 * Each function returns the faults it finds, in order; none for a good value. Lengths are bytes of UTF-8, as in Go.
 */

const DNS1123_LABEL_BYTES_MAX = 63;
const DNS1123_SUBDOMAIN_BYTES_MAX = 253;
const LABEL_VALUE_BYTES_MAX = 63;
const LABEL_NAME_BYTES_MAX = 63;
const PORT_NAME_BYTES_MAX = 15;
const UNIX_ID_MAX = 2 ** 31 - 1;

const DNS1123_LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const DNS1123_SUBDOMAIN = `${DNS1123_LABEL}(\\.${DNS1123_LABEL})*`;
const DNS1123_LABEL_UNDERSCORE = '_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?';
const DNS1123_SUBDOMAIN_UNDERSCORE = `${DNS1123_LABEL_UNDERSCORE}(\\.${DNS1123_LABEL_UNDERSCORE})*`;
const DNS1035_LABEL = '[a-z]([-a-z0-9]*[a-z0-9])?';
const WILDCARD_DNS1123_SUBDOMAIN = `\\*\\.${DNS1123_SUBDOMAIN}`;
const LABEL_NAME = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';
const LABEL_VALUE = `(${LABEL_NAME})?`;
const C_IDENTIFIER = '[A-Za-z_][A-Za-z0-9_]*';
const PERCENT = '[0-9]+%';
const HTTP_HEADER_NAME = '[-A-Za-z0-9]+';
const ENV_VAR_NAME = '[-._a-zA-Z][-._a-zA-Z0-9]*';
const CONFIG_MAP_KEY = '[-._a-zA-Z0-9]+';
const HTTP_PATH = "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+";

const whole = (pattern: string, flags = ''): RegExp => new RegExp(`^${pattern}$`, flags);
const DNS1123_LABEL_RE = whole(DNS1123_LABEL);
const DNS1123_SUBDOMAIN_RE = whole(DNS1123_SUBDOMAIN);
const DNS1123_SUBDOMAIN_UNDERSCORE_RE = whole(DNS1123_SUBDOMAIN_UNDERSCORE);
const DNS1035_LABEL_RE = whole(DNS1035_LABEL);
const WILDCARD_DNS1123_SUBDOMAIN_RE = whole(WILDCARD_DNS1123_SUBDOMAIN);
const LABEL_NAME_RE = whole(LABEL_NAME);
const LABEL_VALUE_RE = whole(LABEL_VALUE);
const C_IDENTIFIER_RE = whole(C_IDENTIFIER);
const PERCENT_RE = whole(PERCENT);
const HTTP_HEADER_NAME_RE = whole(HTTP_HEADER_NAME);
const ENV_VAR_NAME_RE = whole(ENV_VAR_NAME);
const CONFIG_MAP_KEY_RE = whole(CONFIG_MAP_KEY);
const HTTP_PATH_RE = whole(HTTP_PATH);

const DNS1123_LABEL_TEXT = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character";
const DNS1123_SUBDOMAIN_TEXT = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";
const LABEL_NAME_TEXT = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";

/** Bytes of UTF-8. */
export function byteLength(text: string): number {
  return Buffer.byteLength(text, 'utf8');
}

function isLongerThan(text: string, bytesMax: number): boolean {
  if (text.length > bytesMax) return true;
  return text.length * 3 > bytesMax && byteLength(text) > bytesMax;
}

function maxLengthFault(max: number): string {
  return `must be no more than ${max} characters`;
}

/** The label rules count in bytes and say so; the older rules say characters. */
function maxBytesFault(max: number): string {
  return `must be no more than ${max} bytes`;
}

export function patternFault(text: string, pattern: string, ...examples: string[]): string {
  if (examples.length === 0) return `${text} (regex used for validation is '${pattern}')`;
  return `${text} (e.g. ${examples.map((example) => `'${example}', `).join(' or ')}regex used for validation is '${pattern}')`;
}

const EMPTY_FAULT = 'must be non-empty';

function rangeFault(min: number, max: number): string {
  return `must be between ${min} and ${max}, inclusive`;
}

export function dns1123LabelFaults(value: string): string[] {
  const faults: string[] = [];
  if (isLongerThan(value, DNS1123_LABEL_BYTES_MAX)) faults.push(maxLengthFault(DNS1123_LABEL_BYTES_MAX));
  if (!DNS1123_LABEL_RE.test(value)) {
    faults.push(DNS1123_SUBDOMAIN_RE.test(value) ? 'must not contain dots' : patternFault(DNS1123_LABEL_TEXT, DNS1123_LABEL, 'my-name', '123-abc'));
  }
  return faults;
}

export function dns1123SubdomainFaults(value: string): string[] {
  return subdomainFaults(value, maxLengthFault);
}

function subdomainFaults(value: string, tooLongFault: (max: number) => string): string[] {
  const faults: string[] = [];
  if (isLongerThan(value, DNS1123_SUBDOMAIN_BYTES_MAX)) faults.push(tooLongFault(DNS1123_SUBDOMAIN_BYTES_MAX));
  if (!DNS1123_SUBDOMAIN_RE.test(value)) faults.push(patternFault(DNS1123_SUBDOMAIN_TEXT, DNS1123_SUBDOMAIN, 'example.com'));
  return faults;
}

export function dns1123SubdomainWithUnderscoreFaults(value: string): string[] {
  const faults: string[] = [];
  if (isLongerThan(value, DNS1123_SUBDOMAIN_BYTES_MAX)) faults.push(maxLengthFault(DNS1123_SUBDOMAIN_BYTES_MAX));
  if (!DNS1123_SUBDOMAIN_UNDERSCORE_RE.test(value)) {
    faults.push(patternFault("a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character",
      DNS1123_SUBDOMAIN_UNDERSCORE, 'example.com'));
  }
  return faults;
}

export function wildcardDns1123SubdomainFaults(value: string): string[] {
  const faults: string[] = [];
  if (isLongerThan(value, DNS1123_SUBDOMAIN_BYTES_MAX)) faults.push(maxLengthFault(DNS1123_SUBDOMAIN_BYTES_MAX));
  if (!WILDCARD_DNS1123_SUBDOMAIN_RE.test(value)) {
    faults.push(patternFault("a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character",
      WILDCARD_DNS1123_SUBDOMAIN, '*.example.com'));
  }
  return faults;
}

export function dns1035LabelFaults(value: string): string[] {
  const faults: string[] = [];
  if (isLongerThan(value, DNS1123_LABEL_BYTES_MAX)) faults.push(maxLengthFault(DNS1123_LABEL_BYTES_MAX));
  if (!DNS1035_LABEL_RE.test(value)) {
    faults.push(patternFault("a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
      DNS1035_LABEL, 'my-name', 'abc-123'));
  }
  return faults;
}

/** A label key: `[prefix/]name`. */
export function qualifiedNameFaults(value: string): string[] {
  const parts = value.split('/');
  if (parts.length > 2) {
    return [`a valid label key ${patternFault(LABEL_NAME_TEXT, LABEL_NAME, 'MyName', 'my.name', '123-abc')} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`];
  }
  const faults: string[] = [];
  const name = parts.at(-1)!;
  if (parts.length === 2) {
    const prefixFaults = parts[0] === '' ? [EMPTY_FAULT] : subdomainFaults(parts[0]!, maxBytesFault);
    faults.push(...prefixFaults.map((fault) => `prefix part ${fault}`));
  }
  if (name === '') faults.push(`name part ${EMPTY_FAULT}`);
  else if (isLongerThan(name, LABEL_NAME_BYTES_MAX)) faults.push(`name part ${maxBytesFault(LABEL_NAME_BYTES_MAX)}`);
  if (!LABEL_NAME_RE.test(name)) faults.push(`name part ${patternFault(LABEL_NAME_TEXT, LABEL_NAME, 'MyName', 'my.name', '123-abc')}`);
  return faults;
}

export function labelValueFaults(value: string): string[] {
  const faults: string[] = [];
  if (isLongerThan(value, LABEL_VALUE_BYTES_MAX)) faults.push(maxBytesFault(LABEL_VALUE_BYTES_MAX));
  if (!LABEL_VALUE_RE.test(value)) {
    faults.push(patternFault("a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
      LABEL_VALUE, 'MyValue', 'my_value', '12345'));
  }
  return faults;
}

export function pathSegmentNameFaults(name: string): string[] {
  if (name === '.' || name === '..') return [`may not be '${name}'`];
  return ['/', '%'].filter((part) => name.includes(part)).map((part) => `may not contain '${part}'`);
}

export function cIdentifierFaults(value: string): string[] {
  if (C_IDENTIFIER_RE.test(value)) return [];
  return [patternFault("a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_'",
    C_IDENTIFIER, 'my_name', 'MY_NAME', 'MyName')];
}

function rangeFaults(value: number, min: number, max: number): string[] {
  return value >= min && value <= max ? [] : [rangeFault(min, max)];
}

export const portNumberFaults = (port: number): string[] => rangeFaults(port, 1, 65_535);
export const userIdFaults = (id: number): string[] => rangeFaults(id, 0, UNIX_ID_MAX);
export const groupIdFaults = (id: number): string[] => rangeFaults(id, 0, UNIX_ID_MAX);

export function portNameFaults(port: string): string[] {
  const faults: string[] = [];
  if (isLongerThan(port, PORT_NAME_BYTES_MAX)) faults.push(maxLengthFault(PORT_NAME_BYTES_MAX));
  if (!/^[-a-z0-9]+$/.test(port)) faults.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)');
  if (!/[a-z]/.test(port)) faults.push('must contain at least one letter (a-z)');
  if (port.includes('--')) faults.push('must not contain consecutive hyphens');
  if (port.startsWith('-') || port.endsWith('-')) faults.push('must not begin or end with a hyphen');
  return faults;
}

export function percentFaults(value: string): string[] {
  return PERCENT_RE.test(value) ? [] : [patternFault("a valid percent string must be a numeric string followed by an ending '%'", PERCENT, '1%', '93%')];
}

export function httpHeaderNameFaults(value: string): string[] {
  return HTTP_HEADER_NAME_RE.test(value) ? [] : [patternFault("a valid HTTP header must consist of alphanumeric characters or '-'", HTTP_HEADER_NAME, 'X-Header-Name')];
}

/** @public */
export function httpPathFaults(value: string): string[] {
  return HTTP_PATH_RE.test(value) ? [] : [patternFault('Invalid path', HTTP_PATH)];
}

function parentFolderFaults(value: string): string[] {
  if (value === '.' || value === '..') return [`must not be '${value}'`];
  return value.startsWith('..') ? ["must not start with '..'"] : [];
}

/** @public */
export function envVarNameFaults(value: string): string[] {
  const faults: string[] = [];
  if (!ENV_VAR_NAME_RE.test(value)) {
    faults.push(patternFault("a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', and must not start with a digit",
      ENV_VAR_NAME, 'my.env-name', 'MY_ENV.NAME', 'MyEnvName1'));
  }
  return [...faults, ...parentFolderFaults(value)];
}

/** What containers may use since v1.34: any printable ASCII but `=`. */
export function relaxedEnvVarNameFaults(value: string): string[] {
  if (value === '') return [`environment variable name ${EMPTY_FAULT}`];
  return /^[ -<>-~]*$/.test(value) ? [] : ["a valid environment variable name must consist only of printable ASCII characters other than '='"];
}

export function configMapKeyFaults(value: string): string[] {
  const faults: string[] = [];
  if (isLongerThan(value, DNS1123_SUBDOMAIN_BYTES_MAX)) faults.push(maxLengthFault(DNS1123_SUBDOMAIN_BYTES_MAX));
  if (!CONFIG_MAP_KEY_RE.test(value)) {
    faults.push(patternFault("a valid config key must consist of alphanumeric characters, '-', '_' or '.'", CONFIG_MAP_KEY, 'key.name', 'KEY_NAME', 'key-name'));
  }
  return [...faults, ...parentFolderFaults(value)];
}

/** A rule for the names of one kind. `prefix`: it is a generateName, to which a suffix will be added. */
export type NameRule = (name: string, prefix: boolean) => string[];

/** A prefix may end in a dash, because something follows. */
function maskTrailingDash(name: string): string {
  return name.length > 1 && name.endsWith('-') ? `${name.slice(0, -2)}a` : name;
}

export const nameIsDnsSubdomain: NameRule = (name, prefix) => dns1123SubdomainFaults(prefix ? maskTrailingDash(name) : name);
export const nameIsDnsLabel: NameRule = (name, prefix) => dns1123LabelFaults(prefix ? maskTrailingDash(name) : name);
export const nameIsDns1035Label: NameRule = (name, prefix) => dns1035LabelFaults(prefix ? maskTrailingDash(name) : name);
/** Roles and their bindings: anything that can stand in a URL path. */
export const nameIsPathSegment: NameRule = (name, prefix) =>
  prefix && (name === '.' || name === '..') ? [] : pathSegmentNameFaults(name);
