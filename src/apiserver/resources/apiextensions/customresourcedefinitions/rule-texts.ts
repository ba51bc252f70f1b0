/** The rules of `x-kubernetes-validations` that need no expression language: what must be said, and how. */
import type { JSONSchemaProps, ValidationRule } from '#api/generated/apiextensions/v1';
import type { Faults } from '../../rules/faults.ts';
import { findField } from './field-path.ts';
import { unstructuralFault } from './structural.ts';

const REASONS = ['FieldValueDuplicate', 'FieldValueForbidden', 'FieldValueInvalid', 'FieldValueRequired'];
const LINE_BREAK = /[\n\r]/;

export function checkRuleTexts(schema: JSONSchemaProps, place: string, faults: Faults): void {
  for (const [index, rule] of (schema['x-kubernetes-validations'] ?? []).entries()) checkRule(rule, schema, `${place}.x-kubernetes-validations[${index}]`, faults);
}

function checkRule(rule: ValidationRule, schema: JSONSchemaProps, at: string, faults: Faults): void {
  const { rule: expression = '', message = '', messageExpression = '', fieldPath = '', reason } = rule;
  if (expression.trim() === '') faults.required(`${at}.rule`, 'rule is not specified');
  else if (message !== '' && message.trim() === '') faults.invalid(`${at}.message`, message, 'must be non-empty if specified');
  else if (LINE_BREAK.test(message.trim())) faults.invalid(`${at}.message`, message, 'must not contain line breaks');
  else if (LINE_BREAK.test(expression.trim()) && message.trim() === '') {
    faults.required(`${at}.message`, 'message must be specified if rule contains line breaks');
  }
  if (messageExpression !== '' && messageExpression.trim() === '') {
    faults.required(`${at}.messageExpression`, 'messageExpression must be non-empty if specified');
  }
  if (reason !== undefined) faults.strictlyOneOf(`${at}.reason`, reason, REASONS);
  if (fieldPath === '') return;
  if (fieldPath.trim() === '') faults.invalid(`${at}.fieldPath`, fieldPath, 'must be non-empty if specified');
  if (LINE_BREAK.test(fieldPath)) faults.invalid(`${at}.fieldPath`, fieldPath, 'must not contain line breaks');
  if (unstructuralFault(schema) === undefined && typeof findField(fieldPath, schema, true) === 'string') {
    faults.invalid(`${at}.fieldPath`, fieldPath, 'must be a valid path');
  }
}
