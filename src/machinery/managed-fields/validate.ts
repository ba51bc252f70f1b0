/**
 * Checks an object against its merge type before it is applied. The texts are upstream's, printed values included.
 */
import { formatFloat, quote } from '../go-print.ts';
import { goText, isObject } from '../patch/json-value.ts';
import { formOf, walkedAs } from './form.ts';
import type { MergeList, MergeMap, MergeScalar, MergeType } from './merge-type.ts';
import { elementText, listItemElement, PathElementError } from './path-element.ts';

/** @returns upstream's error text; undefined when the object fits. @param allowDuplicates of items of sets and keyed lists. */
export function typeFault(object: unknown, type: MergeType, allowDuplicates: boolean): string | undefined {
  const faults: string[] = [];
  visit({ faults, allowDuplicates }, '', object, type);
  if (faults.length === 0) return undefined;
  return faults.length === 1 ? faults[0] : ['errors:', ...faults.map((fault) => `  ${fault}`)].join('\n');
}

interface Check { readonly faults: string[]; readonly allowDuplicates: boolean }

function report(check: Check, path: string, message: string): void {
  check.faults.push(path === '' ? message : `${path}: ${message}`);
}

function visit(check: Check, path: string, value: unknown, type: MergeType): void {
  switch (walkedAs(type, formOf(type, value))) {
    case 'map': return visitMap(check, path, value, type.map as MergeMap);
    case 'list': return visitList(check, path, value, type.list as MergeList);
    default: return visitScalar(check, path, value, type.scalar as MergeScalar);
  }
}

function visitMap(check: Check, path: string, value: unknown, map: MergeMap): void {
  if (value === null) return;
  if (!isObject(value)) return report(check, path, `expected map, got &{${goText(value)}}`);
  for (const key of Object.keys(value)) {
    const type = map.field(key) ?? map.element;
    if (type === undefined) return report(check, `${path}.${key}`, 'field not declared in schema');
    visit(check, `${path}.${key}`, value[key], type);
  }
}

function visitList(check: Check, path: string, value: unknown, list: MergeList): void {
  if (value === null) return;
  if (!Array.isArray(value)) return report(check, path, `expected list, got &{${goText(value)}}`);
  const seen = new Set<string>();
  for (let i = 0; i < value.length; i++) {
    let step = `[${i}]`;
    if (!list.atomic) {
      let element: string;
      try {
        element = listItemElement(list, value[i]);
      } catch (error) {
        if (!(error instanceof PathElementError)) throw error;
        return report(check, path, `element ${i}: ${error.message}`);
      }
      step = elementText(element);
      if (seen.has(element) && !check.allowDuplicates) report(check, path, `duplicate entries for key ${step}`);
      seen.add(element);
    }
    visit(check, path + step, value[i], list.item);
  }
}

function visitScalar(check: Check, path: string, value: unknown, scalar: MergeScalar): void {
  if (value === null) return;
  const kind = typeof value;
  switch (scalar) {
    case 'numeric':
      if (kind !== 'number' && kind !== 'bigint') report(check, path, `expected numeric (int or float), got ${goTypeOf(value)}`);
      return;
    case 'string':
      if (kind !== 'string') report(check, path, `expected string, got &value.valueUnstructured{Value:${goSyntax(value)}}`);
      return;
    case 'boolean':
      if (kind !== 'boolean') report(check, path, `expected boolean, got &{${goText(value)}}`);
      return;
    case 'untyped':
      if (kind === 'object') report(check, path, `expected any scalar, got &{${goText(value)}}`);
  }
}

function goTypeOf(value: unknown): string {
  if (Array.isArray(value)) return '[]interface {}';
  return isObject(value) ? 'map[string]interface {}' : typeof value === 'boolean' ? 'bool' : typeof value;
}

/** As Go's `%#v`. */
function goSyntax(value: unknown): string {
  if (typeof value === 'string') return quote(value);
  if (typeof value === 'number') return formatFloat(value);
  if (Array.isArray(value)) return `[]interface {}{${value.map(goSyntax).join(', ')}}`;
  if (isObject(value)) return `map[string]interface {}{${Object.keys(value).sort().map((key) => `${quote(key)}:${goSyntax(value[key])}`).join(', ')}}`;
  return value === null ? 'interface {}(nil)' : String(value);
}
