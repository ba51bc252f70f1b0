/** Groups of the Kubernetes community need an approval for each definition, or a word why there is none. */
import type { CustomResourceDefinition } from '#api/generated/apiextensions/v1';
import type { Faults } from '../../rules/faults.ts';
import { parseUrl } from '../../rules/url.ts';

const ANNOTATION = 'api-approved.kubernetes.io';
const REFERENCE = 'see https://github.com/kubernetes/enhancements/pull/1111';

type State = 'missing' | 'bypassed' | 'approved' | 'invalid';

function stateOf(definition: CustomResourceDefinition): State {
  const text = definition.metadata.annotations?.[ANNOTATION] ?? '';
  if (text === '') return 'missing';
  if (text.startsWith('unapproved')) return 'bypassed';
  const url = parseUrl(text);
  return typeof url !== 'string' && url.host !== '' && url.scheme !== '' ? 'approved' : 'invalid';
}

function isCommunityGroup(group: string): boolean {
  return ['k8s.io', 'kubernetes.io'].some((domain) => group === domain || group.endsWith(`.${domain}`));
}

export function checkApproval(definition: CustomResourceDefinition, old: CustomResourceDefinition | undefined, faults: Faults): void {
  if (!isCommunityGroup(definition.spec?.group ?? '')) return;
  const state = stateOf(definition);
  if (old && stateOf(old) === state) return;
  const place = `metadata.annotations[${ANNOTATION}]`;
  const wants = `protected groups must have approval annotation "${ANNOTATION}"`;
  if (state === 'missing') faults.required(place, `${wants}, ${REFERENCE}`);
  if (state === 'invalid') {
    faults.invalid(place, definition.metadata.annotations?.[ANNOTATION], `${wants} with either a URL or a reason starting with "unapproved", ${REFERENCE}`);
  }
}
