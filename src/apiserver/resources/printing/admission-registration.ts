/**
 * The tables of admissionregistration.k8s.io.
 */
import type {
  MutatingAdmissionPolicy, MutatingAdmissionPolicyBinding, MutatingWebhookConfiguration, ParamKind, ParamRef,
  ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding, ValidatingWebhookConfiguration,
} from '#api/generated/admissionregistration/v1';
import type { LabelSelector } from '#machinery/meta';
import type { TablePrinter } from '../definition.ts';
import { age } from './cells.ts';
import { AGE, column, NAME } from './columns.ts';

export const webhookConfigurationPrinter: TablePrinter<MutatingWebhookConfiguration | ValidatingWebhookConfiguration> = {
  columns: [NAME, column('Webhooks', 'integer', 'Webhooks indicates the number of webhooks registered in this configuration'), AGE],
  cells: ({ metadata, webhooks }, nowMs) => [metadata.name, webhooks?.length ?? 0, age(metadata, nowMs)],
};

const PARAM_KIND = column('ParamKind', 'string', 'ParamKind specifies the kind of resources used to parameterize this policy');

export const validatingAdmissionPolicyPrinter: TablePrinter<ValidatingAdmissionPolicy> = {
  columns: [
    NAME, column('Validations', 'integer', 'Validations indicates the number of validation rules defined in this configuration'), PARAM_KIND, AGE,
  ],
  cells: ({ metadata, spec }, nowMs) => [metadata.name, spec?.validations?.length ?? 0, paramKind(spec?.paramKind), age(metadata, nowMs)],
};

export const mutatingAdmissionPolicyPrinter: TablePrinter<MutatingAdmissionPolicy> = {
  columns: [
    NAME, column('Mutations', 'integer', 'Mutation indicates the number of mutations rules defined in this configuration'), PARAM_KIND, AGE,
  ],
  cells: ({ metadata, spec }, nowMs) => [metadata.name, spec?.mutations?.length ?? 0, paramKind(spec?.paramKind), age(metadata, nowMs)],
};

function paramKind(kind: ParamKind | undefined): string {
  return kind === undefined ? '<unset>' : `${kind.apiVersion ?? ''}/${kind.kind ?? ''}`;
}

export const policyBindingPrinter: TablePrinter<ValidatingAdmissionPolicyBinding | MutatingAdmissionPolicyBinding> = {
  columns: [
    NAME,
    column('PolicyName', 'string', 'PolicyName indicates the policy definition which the policy binding binded to'),
    column('ParamRef', 'string', 'ParamRef indicates the param resource which sets the configuration param'),
    AGE,
  ],
  cells: ({ metadata, spec }, nowMs) => [metadata.name, spec?.policyName ?? '', paramRef(spec?.paramRef), age(metadata, nowMs)],
};

function paramRef(ref: ParamRef | undefined): string {
  if (ref === undefined) return '<unset>';
  if (ref.name !== undefined && ref.name !== '') return `${ref.namespace === undefined || ref.namespace === '' ? '*' : ref.namespace}/${ref.name}`;
  return ref.selector === undefined ? '<unset>' : printedSelector(ref.selector);
}

/** As upstream prints the struct. */
function printedSelector({ matchLabels = {}, matchExpressions = [] }: LabelSelector): string {
  const labels = Object.keys(matchLabels).sort().map((key) => `${key}: ${matchLabels[key]},`).join('');
  const expressions = matchExpressions
    .map(({ key, operator, values = [] }) => `LabelSelectorRequirement{Key:${key},Operator:${operator},Values:[${values.join(' ')}],},`).join('');
  return `&LabelSelector{MatchLabels:map[string]string{${labels}},MatchExpressions:[]LabelSelectorRequirement{${expressions}},}`;
}
