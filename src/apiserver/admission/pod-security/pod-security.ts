/**
 * Pod Security: pods are refused, warned of or noted in the audit log by their namespace's level.
 *
 * Workloads are never refused for the pods they will make, only warned of. A namespace whose level is tightened is told
 * which of its pods would no longer pass.
 */
import { namespaces, pods, type Namespace, type Pod, type PodSpec, type PodTemplateSpec } from '#api/generated/core/v1';
import { newInternalError, newInvalid } from '#machinery/status-error';
import { quote } from '#machinery/go-print';
import type { ObjectMeta } from '#machinery/meta';
import { lookup, type AdmissionDependencies } from '../dependencies.ts';
import type { AdmissionAttributes, AdmissionPlugin } from '../plugin.ts';
import { refused } from '../refusal.ts';
import { podSecurityMetrics, type CountEvaluation } from './pod-security-metrics.ts';
import { detailText, reasonText, violations } from './evaluate.ts';
import { isFullyPrivileged, isStricter, levelText, policyOf, type LevelVersion, type Policy } from './policy.ts';

const IGNORED_SUBRESOURCES: ReadonlySet<string> = new Set(['exec', 'attach', 'binding', 'eviction', 'log', 'portforward', 'proxy', 'status']);
const NAMESPACE_PODS_MAX = 3000;
const ANNOTATION = 'pod-security.kubernetes.io/';

type Template = { metadata?: ObjectMeta; spec?: PodSpec } | undefined;

/** Where each kind of workload keeps its pods' template. */
const TEMPLATES: Readonly<Record<string, (object: Record<string, unknown>) => Template>> = {
  '/replicationcontrollers': specTemplate, '/podtemplates': (object) => object['template'] as PodTemplateSpec,
  'apps/replicasets': specTemplate, 'apps/deployments': specTemplate, 'apps/statefulsets': specTemplate, 'apps/daemonsets': specTemplate,
  'batch/jobs': specTemplate,
  'batch/cronjobs': (object) => (object['spec'] as { jobTemplate?: Record<string, unknown> } | undefined)?.jobTemplate === undefined
    ? undefined : specTemplate((object['spec'] as { jobTemplate: Record<string, unknown> }).jobTemplate),
};

function specTemplate(object: Record<string, unknown>): Template {
  return (object['spec'] as { template?: Template } | undefined)?.template;
}

export function podSecurity(dependencies: AdmissionDependencies): AdmissionPlugin {
  const count = podSecurityMetrics(dependencies.metrics);
  const policyFor = async ({ namespace, signal }: AdmissionAttributes): Promise<ReturnType<typeof policyOf>> => {
    const found = await lookup(dependencies, namespaces, namespace, undefined, signal);
    if (found === undefined) throw newInternalError(`failed to lookup namespace ${quote(namespace)}`);
    return policyOf(found.metadata.labels);
  };
  return {
    name: 'PodSecurity',
    async validate(attributes) {
      const { operation, info, subresource } = attributes;
      if (operation !== 'CREATE' && operation !== 'UPDATE') return;
      const key = `${info.group}/${info.resource}`;
      if (key === '/namespaces') {
        if (subresource === '') await judgeNamespace(attributes, dependencies);
      } else if (key === '/pods') {
        if (IGNORED_SUBRESOURCES.has(subresource)) return;
        const { policy, errors } = await policyFor(attributes);
        if (errors.length === 0 && isFullyPrivileged(policy)) {
          attributes.annotate(`${ANNOTATION}enforce-policy`, 'privileged:latest');
          count(attributes, 'enforce', policy.enforce, 'allow');
          return;
        }
        const pod = attributes.object as Pod;
        if (operation === 'UPDATE' && !isSignificant(pod, attributes.oldObject as Pod)) return;
        judge(attributes, policy, pod.metadata, pod.spec!, true, count);
      } else if (TEMPLATES[key] !== undefined && subresource === '') {
        const template = TEMPLATES[key](attributes.object as unknown as Record<string, unknown>);
        if (template?.spec === undefined) return;
        const { policy } = await policyFor(attributes);
        if (policy.warn.level === 'privileged' && policy.audit.level === 'privileged') return;
        judge(attributes, policy, template.metadata ?? {}, template.spec, false, count);
      }
    },
  };
}

function judge(attributes: AdmissionAttributes, policy: Policy, metadata: ObjectMeta, spec: PodSpec, isEnforced: boolean, count: CountEvaluation): void {
  if (isEnforced) attributes.annotate(`${ANNOTATION}enforce-policy`, levelText(policy.enforce));
  const against = (wanted: LevelVersion): string => detailText(violations(wanted, metadata, spec));
  const audit = against(policy.audit);
  if (audit !== '') {
    attributes.annotate(`${ANNOTATION}audit-violations`, `would violate PodSecurity ${quote(levelText(policy.audit))}: ${audit}`);
    count(attributes, 'audit', policy.audit, 'deny');
  }
  const enforced = isEnforced ? against(policy.enforce) : '';
  if (isEnforced) count(attributes, 'enforce', policy.enforce, enforced === '' ? 'allow' : 'deny');
  if (enforced !== '') throw refused(attributes, `violates PodSecurity ${quote(levelText(policy.enforce))}: ${enforced}`);
  const warning = against(policy.warn);
  if (warning === '') return;
  attributes.warn(`would violate PodSecurity ${quote(levelText(policy.warn))}: ${warning}`);
  count(attributes, 'warn', policy.warn, 'deny');
}

/** Of what may change in a pod, only images and further containers matter here. */
function isSignificant(pod: Pod, old: Pod): boolean {
  const images = (containers: readonly { image?: string }[] | undefined): string => (containers ?? []).map(({ image }) => image ?? '').join('\n');
  if (images(pod.spec?.containers) !== images(old.spec?.containers) || images(pod.spec?.initContainers) !== images(old.spec?.initContainers)) return true;
  const before = new Map((old.spec?.ephemeralContainers ?? []).map(({ name, image }) => [name, image]));
  return (pod.spec?.ephemeralContainers ?? []).some(({ name, image }) => !before.has(name) || before.get(name) !== image);
}

async function judgeNamespace(attributes: AdmissionAttributes, { client }: AdmissionDependencies): Promise<void> {
  const { metadata } = attributes.object as Namespace;
  const wanted = policyOf(metadata.labels);
  const old = attributes.operation === 'UPDATE' ? policyOf(attributes.oldObject?.metadata.labels) : undefined;
  const texts = (errors: readonly { field: string; message: string }[]): string => errors.map(({ field, message }) => field + message).join('\n');
  if (wanted.errors.length > 0 && (old === undefined || texts(wanted.errors) !== texts(old.errors))) {
    throw newInvalid('', 'Namespace', attributes.name, wanted.errors);
  }
  if (old === undefined) return;
  const { enforce } = wanted.policy;
  const before = old.policy.enforce;
  if (enforce.level === 'privileged' || (enforce.level === before.level && enforce.minor === before.minor)) return;
  if (enforce.minor === before.minor && !isStricter(enforce.level, before.level)) return;
  for (const text of await podWarnings(metadata.name!, enforce, attributes, client)) attributes.warn(text);
}

async function podWarnings(namespace: string, enforce: LevelVersion, { signal }: AdmissionAttributes, client: AdmissionDependencies['client']): Promise<string[]> {
  const { items } = await client.for(pods, namespace).list({ signal });
  const byReason = new Map<string, string[]>();
  for (const pod of items.slice(0, NAMESPACE_PODS_MAX)) {
    const reason = reasonText(violations(enforce, pod.metadata, pod.spec!));
    if (reason !== '') byReason.set(reason, [...(byReason.get(reason) ?? []), pod.metadata.name!]);
  }
  const warnings: string[] = [];
  if (items.length > NAMESPACE_PODS_MAX) {
    warnings.push(`new PodSecurity enforce level only checked against the first ${NAMESPACE_PODS_MAX} of ${items.length} existing pods`);
  }
  if (byReason.size > 0) warnings.push(`existing pods in namespace ${quote(namespace)} violate the new PodSecurity enforce level ${quote(levelText(enforce))}`);
  const lines = [...byReason].map(([reason, names]) => {
    const [first] = names.sort();
    const others = names.length - 1;
    return `${first}${others === 0 ? '' : ` (and ${others} other ${others === 1 ? 'pod' : 'pods'})`}: ${reason}`;
  });
  return [...warnings, ...lines.sort()];
}
