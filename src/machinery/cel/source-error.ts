/**
 * What is wrong with an expression and where, printed as upstream prints it: message, the line, a caret under the place.
 *
 * Columns count code points from one; tabs print as blanks and wide characters as wide dots.
 */

export interface Issue { readonly at: number; readonly message: string }

export class IssueList {
  readonly issues: Issue[] = [];

  add(at: number, message: string): void {
    this.issues.push({ at, message });
  }

  /** All issues by place, one under the other. */
  print(source: string): string {
    const places = this.issues.map((issue) => ({ issue, place: placeOf(source, issue.at) }));
    places.sort((a, b) => a.place.line - b.place.line || a.place.column - b.place.column);
    const shown = places.slice(0, SHOWN_MAX).map(({ issue, place }) => printIssue(source, issue.message, place));
    if (places.length > SHOWN_MAX) shown.push(`${places.length - SHOWN_MAX} more errors were truncated`);
    return shown.join('\n');
  }
}

const SHOWN_MAX = 100;

interface Place { readonly line: number; readonly column: number }

function placeOf(source: string, at: number): Place {
  if (at < 0) return { line: -1, column: -1 };
  const before = source.slice(0, at).split('\n');
  return { line: before.length, column: [...before.at(-1)!].length };
}

function printIssue(source: string, message: string, { line, column }: Place): string {
  if (source === '') return `ERROR: <input>:1:0: ${message}`;
  const head = `ERROR: <input>:${line}:${column + 1}: ${message}`;
  const text = source.split('\n')[line - 1]?.replaceAll('\t', ' ');
  if (text === undefined) return head;
  const characters = [...text];
  const wide = (character: string | undefined): boolean => character !== undefined && character.codePointAt(0)! > 0x7f;
  const dots = characters.slice(0, column).map((character) => (wide(character) ? '\uff0e' : '.')).join('');
  return `${head}\n | ${text}\n | ${dots}${wide(characters[column]) ? '\uff3e' : '^'}`;
}
