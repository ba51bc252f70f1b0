/**
 * The selectors of an access review: either raw text or requirements, judged leniently.
 *
 * A part that cannot be read is left out and said so: leaving out a requirement asks for more, so the answer stays safe.
 */
import type { FieldSelectorAttributes, LabelSelectorAttributes, ResourceAttributes } from '#api/generated/authorization/v1';
import { forbidden, invalid, required, type FieldError, type FieldPath } from '#machinery/field-error';
import { escapeFieldValue, parseFieldSelector } from '#machinery/selector/field-selector';
import { formatLabelSelector, labelSelectorOf, parseLabelSelector } from '#machinery/selector/label-selector';
import { validateLabelName } from '#machinery/validation/object-meta';

interface Requirement { key?: string; operator?: string; values?: string[] }

export function selectorFaults(attributes: ResourceAttributes, at: FieldPath): FieldError[] {
  return [...faultsOf(attributes.fieldSelector, at.child('fieldSelector'), false), ...faultsOf(attributes.labelSelector, at.child('labelSelector'), true)];
}

function faultsOf(selector: FieldSelectorAttributes | LabelSelectorAttributes | undefined, at: FieldPath, areLabels: boolean): FieldError[] {
  if (selector === undefined) return [];
  const raw = selector.rawSelector ?? '';
  const requirements: readonly Requirement[] = selector.requirements ?? [];
  const faults: FieldError[] = [];
  if (raw !== '' && requirements.length > 0) faults.push(invalid(at.child('rawSelector'), raw, 'may not specified at the same time as requirements'));
  if (raw === '' && requirements.length === 0) faults.push(required(at.child('requirements'), `when ${at} is specified, requirements or rawSelector is required`));
  requirements.forEach((requirement, i) => { faults.push(...requirementFaults(requirement, at.child('requirements').index(i), areLabels)); });
  return faults;
}

function requirementFaults({ key = '', operator = '', values = [] }: Requirement, at: FieldPath, areLabels: boolean): FieldError[] {
  const faults: FieldError[] = [];
  if (!areLabels && key === '') faults.push(required(at.child('key'), 'must be specified'));
  if ((operator === 'In' || operator === 'NotIn') && values.length === 0) {
    faults.push(required(at.child('values'), "must be specified when `operator` is 'In' or 'NotIn'"));
  }
  if ((operator === 'Exists' || operator === 'DoesNotExist') && values.length > 0) {
    faults.push(forbidden(at.child('values'), "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
  }
  if (areLabels) faults.push(...validateLabelName(key, at.child('key')));
  return faults;
}

export function readSelectors(attributes: ResourceAttributes): { fieldSelector: string; labelSelector: string; errors: string[] } {
  const errors: string[] = [];
  const note = (name: string, someLeft: boolean): void => {
    errors.push(`spec.resourceAttributes.${name} ${someLeft ? 'partially ignored' : 'ignored'} due to parse error`);
  };
  const read = (name: string, raw: string | undefined, parse: (text: string) => unknown): string => {
    if (raw === undefined || raw === '') return '';
    try {
      parse(raw);
      return raw;
    } catch {
      note(name, false);
      return '';
    }
  };
  let fieldSelector = read('fieldSelector', attributes.fieldSelector?.rawSelector, parseFieldSelector);
  let labelSelector = read('labelSelector', attributes.labelSelector?.rawSelector, parseLabelSelector);
  const fields = attributes.fieldSelector?.requirements ?? [];
  if (fields.length > 0) {
    const good = fields.filter(({ operator, values = [] }) => (operator === 'In' || operator === 'NotIn') && values.length === 1);
    fieldSelector = good.map(({ key, operator, values }) => `${key}${operator === 'In' ? '=' : '!='}${escapeFieldValue(values![0]!)}`).join(',');
    if (good.length < fields.length) note('fieldSelector', good.length > 0);
  }
  const labels = attributes.labelSelector?.requirements ?? [];
  if (labels.length > 0) {
    const good = labels.filter(({ operator }) => ['In', 'NotIn', 'Exists', 'DoesNotExist'].includes(operator));
    labelSelector = formatLabelSelector(labelSelectorOf({ matchExpressions: good }));
    if (good.length < labels.length) note('labelSelector', good.length > 0);
  }
  return { fieldSelector, labelSelector, errors };
}
