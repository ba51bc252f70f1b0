/**
 * Field selectors: `metadata.name=a,spec.nodeName!=b`. Values escape `,`, `=` and `\` with a backslash.
 *
 * Which fields a kind can be selected by is the API server's business; here is only the grammar.
 */
import { SelectorError } from './label-requirement.ts';

export interface FieldRequirement {
  readonly field: string;
  readonly operator: '=' | '!=';
  readonly value: string;
}

/** All must hold; empty matches everything. */
export type FieldRequirements = readonly FieldRequirement[];

/** @throws SelectorError */
export function parseFieldSelector(text: string): FieldRequirements {
  const requirements: FieldRequirement[] = [];
  for (const term of splitTerms(text).sort()) {
    if (term === '') continue;
    const match = /^([^!=]*(?:!(?!=)[^!=]*)*)(!=|==|=)([\s\S]*)$/.exec(term);
    if (match === null) throw new SelectorError(`invalid selector: '${text}'; can't understand '${term}'`);
    requirements.push({ field: match[1]!, operator: match[2] === '!=' ? '!=' : '=', value: unescapeValue(match[3]!) });
  }
  return requirements;
}

function splitTerms(text: string): string[] {
  if (text === '') return [];
  const terms: string[] = [];
  let start = 0;
  for (let index = 0; index < text.length; index++) {
    if (text[index] === '\\') index++;
    else if (text[index] === ',') { terms.push(text.slice(start, index)); start = index + 1; }
  }
  terms.push(text.slice(start));
  return terms;
}

function unescapeValue(text: string): string {
  let out = '';
  const characters = [...text];
  for (let index = 0; index < characters.length; index++) {
    const character = characters[index]!;
    if (character === ',' || character === '=') {
      throw new SelectorError(`invalid field selector: unescaped character in value: ${character.codePointAt(0)}`);
    }
    if (character !== '\\') { out += character; continue; }
    const escaped = characters[++index];
    if (escaped === undefined || !'\\,='.includes(escaped)) {
      throw new SelectorError(`invalid field selector: invalid escape sequence: \\${escaped ?? ''}`);
    }
    out += escaped;
  }
  return out;
}

export function escapeFieldValue(value: string): string {
  return value.replace(/[\\,=]/g, '\\$&');
}

/** @param valueOf the value of a field; '' where the object has none. */
export function fieldsMatch(requirements: FieldRequirements, valueOf: (field: string) => string): boolean {
  return requirements.every(({ field, operator, value }) => (valueOf(field) === value) === (operator === '='));
}

/** The value that the field must have, where the selector says so. @public */
export function exactFieldValue(requirements: FieldRequirements, field: string): string | undefined {
  return requirements.find((requirement) => requirement.field === field && requirement.operator === '=')?.value;
}

export function formatFieldSelector(requirements: FieldRequirements): string {
  return requirements.map(({ field, operator, value }) => `${field}${operator}${escapeFieldValue(value)}`).join(',');
}
