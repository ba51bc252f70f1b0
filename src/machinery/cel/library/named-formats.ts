/**
 * Named formats of text: `format.dns1123Label().validate(text)` answers what is wrong with it, if anything.
 */
import { labelValueFaults, nameIsDns1035Label, nameIsDnsLabel, nameIsDnsSubdomain, qualifiedNameFaults } from '../../names.ts';
import { parseTimestamp } from '../conversion.ts';
import { overload, type Library } from '../declaration.ts';
import { FORMAT } from '../type.ts';
import { parseUrl } from '../url.ts';
import { Failure, Opaque, Optional } from '../value.ts';
import { NONE } from './optionals.ts';

interface NamedFormat {
  readonly text: string;
  readonly faults: (text: string) => readonly string[];
  /** Characters of its pattern, for what it costs. */
  readonly patternSize: number;
}

const must = (holds: (text: string) => boolean, fault: string) => (text: string): readonly string[] => (holds(text) ? [] : [fault]);

function uriFaults(text: string): readonly string[] {
  const parsed = parseUrl(text);
  return parsed instanceof Failure ? [parsed.message] : [];
}

const UUID = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})$/;
const isDate = (text: string): boolean => /^\d{4}-\d\d-\d\d$/.test(text) && parseTimestamp(`${text}T00:00:00Z`) !== undefined;

const FORMATS: Readonly<Record<string, NamedFormat>> = {
  dns1123Label: { text: 'DNS1123Label', faults: (text) => nameIsDnsLabel(text, false), patternSize: 30 },
  dns1123Subdomain: { text: 'DNS1123Subdomain', faults: (text) => nameIsDnsSubdomain(text, false), patternSize: 60 },
  dns1035Label: { text: 'DNS1035Label', faults: (text) => nameIsDns1035Label(text, false), patternSize: 30 },
  qualifiedName: { text: 'QualifiedName', faults: qualifiedNameFaults, patternSize: 60 },
  dns1123LabelPrefix: { text: 'DNS1123LabelPrefix', faults: (text) => nameIsDnsLabel(text, true), patternSize: 30 },
  dns1123SubdomainPrefix: { text: 'DNS1123SubdomainPrefix', faults: (text) => nameIsDnsSubdomain(text, true), patternSize: 60 },
  dns1035LabelPrefix: { text: 'DNS1035LabelPrefix', faults: (text) => nameIsDns1035Label(text, true), patternSize: 30 },
  labelValue: { text: 'LabelValue', faults: labelValueFaults, patternSize: 40 },
  uri: { text: 'URI', faults: uriFaults, patternSize: 1000 },
  uuid: { text: 'uuid', faults: must((text) => UUID.test(text), 'does not match the UUID format'), patternSize: 97 },
  byte: { text: 'byte', faults: must((text) => BASE64.test(text), 'invalid base64'), patternSize: 84 },
  date: { text: 'date', faults: must(isDate, 'invalid date'), patternSize: 72 },
  datetime: { text: 'datetime', faults: must((text) => parseTimestamp(text) !== undefined, 'invalid datetime'), patternSize: 72 },
};

const named = new Map(Object.entries(FORMATS).map(([name, format]) => [name, new Opaque(FORMAT, format)]));

function validate([format, text]: [Opaque<NamedFormat>, string]): Optional {
  const faults = format.content.faults(text);
  return faults.length === 0 ? NONE : new Optional(faults);
}

export const NAMED_FORMATS: Library = [
  ...[...named].map(([name, format]) => overload(`format.${name}`, `format.${name}(): kubernetes.NamedFormat`, () => format)),
  overload('format-named', 'format.named(string): optional(kubernetes.NamedFormat)', ([name]: [string]) => new Optional(named.get(name))),
  overload('format-validate', '(kubernetes.NamedFormat).validate(string): optional(list(string))', validate),
];
