/**
 * Judges a literal format string by the types of its literal list of arguments, before anything runs.
 */
import type { CallNode, Node } from './ast.ts';
import { CLAUSE_FAULTS, expandFormat } from './format-string.ts';
import type { IssueList } from './source-error.ts';
import type { Kind } from './type.ts';
import { Failure } from './value.ts';

const ACCEPTED: Readonly<Record<string, readonly Kind[]>> = {
  s: ['list', 'map', 'int', 'uint', 'double', 'bool', 'string', 'timestamp', 'bytes', 'duration', 'type', 'null'],
  d: ['int', 'uint'], f: ['double', 'string'], e: ['double', 'string'], b: ['int', 'uint', 'bool'], x: ['int', 'uint', 'string', 'bytes'], o: ['int', 'uint'],
};

export function checkFormatCall(call: CallNode, format: string, items: readonly Node[], issues: IssueList): void {
  let asked = 0;
  let place = call.at;
  const outcome = expandFormat(format, items.length, ({ verb }, index) => {
    asked = index + 1;
    const wrong = unsuited(items[index]!, verb.toLowerCase());
    if (wrong === undefined) return '';
    place = wrong.at;
    return new Failure(`error during formatting: ${CLAUSE_FAULTS[verb.toLowerCase()]}${wrong.type!.name}`);
  });
  if (outcome instanceof Failure) issues.add(place, outcome.message);
  else if (items.length > asked) issues.add(call.at, `too many arguments supplied to string.format (expected ${asked}, got ${items.length})`);
}

/** The innermost part that the clause cannot take. */
function unsuited(node: Node, verb: string): Node | undefined {
  const { kind } = node.type!;
  if (kind !== 'dyn' && !ACCEPTED[verb]!.includes(kind)) return node;
  if (verb !== 's') return undefined;
  const inner = node.kind === 'list' ? node.items : node.kind === 'map' ? node.entries.flatMap((entry) => [entry.key, entry.value]) : [];
  for (const part of inner) {
    const wrong = unsuited(part, verb);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}
