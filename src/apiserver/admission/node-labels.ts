/** Which labels a kubelet may set on its own Node: none that could steer privileged pods to it. */

const OWN_LABELS: ReadonlySet<string> = new Set([
  'kubernetes.io/hostname', 'topology.kubernetes.io/zone', 'topology.kubernetes.io/region', 'failure-domain.beta.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region', 'beta.kubernetes.io/instance-type', 'node.kubernetes.io/instance-type',
  'kubernetes.io/os', 'kubernetes.io/arch', 'beta.kubernetes.io/os', 'beta.kubernetes.io/arch',
]);
const OWN_DOMAINS = ['kubelet.kubernetes.io', 'node.kubernetes.io'];
const RESTRICTED_DOMAIN = 'node-restriction.kubernetes.io';
/** Roles that a node may take when it registers, not later. */
const ROLES_AT_REGISTRATION: ReadonlySet<string> = new Set(['arbiter', 'control-plane', 'etcd', 'master', 'worker'].map((role) => `node-role.kubernetes.io/${role}`));

export function isForbiddenNodeLabel(label: string, operation: 'CREATE' | 'UPDATE'): boolean {
  const domain = label.includes('/') ? label.slice(0, label.indexOf('/')) : '';
  if (isWithin(domain, RESTRICTED_DOMAIN)) return true;
  if (!isWithin(domain, 'kubernetes.io') && !isWithin(domain, 'k8s.io')) return false;
  if (OWN_LABELS.has(label) || OWN_DOMAINS.some((own) => isWithin(domain, own))) return false;
  return !(operation === 'CREATE' && ROLES_AT_REGISTRATION.has(label));
}

function isWithin(domain: string, parent: string): boolean {
  return domain === parent || domain.endsWith(`.${parent}`);
}
