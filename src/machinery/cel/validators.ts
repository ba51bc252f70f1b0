/**
 * What is surely wrong although the types fit: literal durations, timestamps and patterns that do not parse, mixed literals,
 * format strings that do not suit their arguments.
 */
import { walk, type CallNode, type Node } from './ast.ts';
import type { Environment } from './environment.ts';
import { checkFormatCall } from './format-check.ts';
import { compilePattern } from './pattern.ts';
import type { IssueList } from './source-error.ts';
import { formatType, sameType, unwrapOptional, type Type } from './type.ts';
import { Failure, type Value } from './value.ts';

export function validateLiterals(root: Node, environment: Environment, issues: IssueList): void {
  walk(root, (node, ancestors) => {
    if (node.kind === 'call') validateCall(node, environment, issues);
    if (ancestors.some((ancestor) => ancestor.kind === 'call' && ancestor.name === 'format')) return;
    if (node.kind === 'list') validateList(node, issues);
    if (node.kind === 'map') validateMap(node, issues);
  });
}

function validateCall(node: CallNode, environment: Environment, issues: IssueList): void {
  const argument = node.args[0];
  if (argument?.kind === 'literal') {
    const converts = node.name === 'duration' || node.name === 'timestamp';
    const wrong = converts ? conversionFails(node, argument.value, environment) : node.name === 'matches' && compilePattern(argument.value as string) instanceof Failure;
    if (wrong) issues.add(argument.at, `invalid ${node.name} argument`);
  }
  if (node.name === 'format' && node.target?.kind === 'literal' && typeof node.target.value === 'string' && argument?.kind === 'list') {
    checkFormatCall(node, node.target.value, argument.items, issues);
  }
}

function conversionFails(node: CallNode, value: Value, environment: Environment): boolean {
  const run = environment.overloads.get(node.overloads?.[0] ?? '')?.run;
  return run?.([value]) instanceof Failure;
}

function mismatch(issues: IssueList, node: Node, expected: Type, actual: Type): void {
  issues.add(node.at, `expected type '${formatType(expected)}' but found '${formatType(actual)}'`);
}

function validateList(node: Node & { kind: 'list' }, issues: IssueList): void {
  let expected: Type | undefined;
  for (const [index, item] of node.items.entries()) {
    const type = node.optional.has(index) ? unwrapOptional(item.type!) ?? item.type! : item.type!;
    expected ??= type;
    if (sameType(expected, type)) continue;
    mismatch(issues, item, expected, type);
    return;
  }
}

function validateMap(node: Node & { kind: 'map' }, issues: IssueList): void {
  let keys: Type | undefined;
  let values: Type | undefined;
  for (const { key, value, optional } of node.entries) {
    const type = optional ? unwrapOptional(value.type!) ?? value.type! : value.type!;
    keys ??= key.type!;
    values ??= type;
    if (!sameType(keys, key.type!)) mismatch(issues, key, keys, key.type!);
    if (!sameType(values, type)) mismatch(issues, value, values, type);
  }
}
