/** What a validation found, with how much matched: of several clauses, the one that matched most tells its faults. */
import { invalid, notSupported, required, tooLong, tooMany, typeInvalid, type FieldError } from '../field-error.ts';
import { encodeSorted } from '../codec/json-encode.ts';

export interface Finding {
  readonly kind: 'type' | 'required' | 'enum' | 'too-long' | 'too-many' | 'other' | 'plain';
  /** `spec.list[0].v`; a leading dot does not count. */
  readonly path: string;
  /** Undefined prints as `""`. */
  readonly value: unknown;
  readonly max?: number;
  readonly allowed?: readonly unknown[];
  readonly text: string;
}

export class Findings {
  readonly found: Finding[] = [];
  readonly #seen = new Set<string>();
  matches: number;

  constructor(matches = 0) { this.matches = matches; }

  static of(finding: Finding | undefined): Findings {
    const findings = new Findings();
    if (finding !== undefined) findings.add(finding);
    return findings;
  }

  get isValid(): boolean { return this.found.length === 0; }

  /** Each once. */
  add(finding: Finding): void {
    const identity = `${finding.kind}\0${finding.path}\0${finding.max ?? ''}\0${finding.text}`;
    if (this.#seen.has(identity)) return;
    this.#seen.add(identity);
    this.found.push(finding);
  }

  /** A fault without a place of its own. */
  addPlain(text: string): void { this.add({ kind: 'plain', path: '', value: undefined, text }); }

  merge(other: Findings): void {
    for (const finding of other.found) this.add(finding);
    this.matches += other.matches;
  }
}

export function wrongType(path: string, wanted: string, actual: string): Finding {
  return { kind: 'type', path, value: actual, text: `${path} in body must be of type ${wanted}: ${JSON.stringify(actual)}` };
}

/** @param at what stands before each path; '' for none. */
export function findingErrors(findings: Findings, at: string): FieldError[] {
  return findings.found.map((finding) => fieldError(finding, at));
}

function fieldError(finding: Finding, at: string): FieldError {
  const { kind, path, text, value = '' } = finding;
  const own = path === '.' ? '' : path.replace(/^\./, '');
  const place = kind === 'plain' || own === '' ? at || undefined : at === '' ? own : `${at}.${own}`;
  switch (kind) {
    case 'type': return typeInvalid(place, value, text);
    case 'required': return required(place, '');
    case 'enum': return notSupported(place, finding.value, finding.allowed!.map((one) => (typeof one === 'string' ? one : encodeSorted(one))));
    case 'too-long': return tooLong(place, finding.max!);
    case 'too-many': return tooMany(place, value as number, finding.max!);
    default: return invalid(place, value, text);
  }
}
