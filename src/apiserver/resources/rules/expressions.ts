/**
 * Where validation meets the expression language: an expression must compile before an object with it is stored.
 *
 * The checker comes from whoever builds the API server, because the language is not these rules' business. A policy's variables
 * are typed one after the other, so each policy gets a checker of its own. Without a checker every expression passes.
 */
import type { Faults } from './faults.ts';

export interface ExpressionScope {
  readonly params: boolean;
  readonly authorizer: boolean;
  /** Patch types (`Object`, `JSONPatch`) can be made. */
  readonly patchTypes?: boolean;
  /** The stored object has this expression already: it may use what was removed since. */
  readonly stored: boolean;
}

/** A device selector: @returns what is wrong with it, or that it is too costly. */
export type DeviceExpressionChecker = (expression: string, stored: boolean) => { readonly fault: string } | 'too costly' | undefined;

export type ExpressionResult = 'bool' | 'string' | 'string or null' | 'apply configuration' | 'json patch';

export interface PolicyExpressions {
  /** Declares a variable for the expressions after it. @returns what is wrong with its expression. */
  declare(name: string, expression: string, scope: ExpressionScope): string | undefined;
  /** @returns what is wrong with the expression. */
  check(expression: string, result: ExpressionResult, scope: ExpressionScope): string | undefined;
}

/** @param composed the expressions may use `variables`. */
export type ExpressionChecker = (composed: boolean) => PolicyExpressions;

const ANYTHING: PolicyExpressions = { declare: () => undefined, check: () => undefined };
let checker: ExpressionChecker = () => ANYTHING;
let deviceChecker: DeviceExpressionChecker = () => undefined;

/** Given once, when the API server is built. */
export function useExpressionChecker(given: ExpressionChecker, givenForDevices: DeviceExpressionChecker): void {
  checker = given;
  deviceChecker = givenForDevices;
}

export function checkDeviceExpression(expression: string, stored: boolean, place: string, faults: Faults): void {
  const answer = deviceChecker(expression, stored);
  if (answer === 'too costly') faults.forbidden(place, 'too complex, exceeds cost limit');
  else if (answer) faults.invalid(place, expression, answer.fault);
}

export function policyExpressions(composed: boolean): PolicyExpressions {
  return checker(composed);
}

export function checkExpression(expressions: PolicyExpressions, expression: string, result: ExpressionResult, scope: ExpressionScope,
  place: string, faults: Faults): void {
  const fault = expressions.check(expression, result, scope);
  if (fault !== undefined) faults.invalid(place, expression, fault);
}

const IDENTIFIER = /^[_a-zA-Z][_a-zA-Z0-9]*$/;
const RESERVED = new Set(['true', 'false', 'null', 'in', 'as', 'break', 'const', 'continue', 'else', 'for', 'function', 'if', 'import', 'let', 'loop',
  'package', 'namespace', 'return', 'var', 'void', 'while']);

export function isExpressionIdentifier(name: string): boolean {
  return IDENTIFIER.test(name) && !RESERVED.has(name);
}
