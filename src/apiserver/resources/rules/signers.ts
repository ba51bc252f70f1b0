/** The names of certificate signers (`example.com/signer-name`) and of the trust bundles that go with them. */
import { dns1123LabelFaults, dns1123SubdomainFaults } from '#machinery/names';
import type { Faults } from './faults.ts';

const SUBDOMAIN_MAX = 253;
const SIGNER_NAME_MAX = SUBDOMAIN_MAX + (SUBDOMAIN_MAX + 63 + 1) + 1;

export function isKubernetesSigner(signerName: string): boolean {
  const host = signerName.split('/')[0]!;
  return host === 'kubernetes.io' || host.endsWith('.kubernetes.io');
}

export function checkSignerName(signerName: string | undefined, place: string, faults: Faults): void {
  if (!signerName) {
    faults.required(place);
    return;
  }
  const segments = signerName.split('/');
  if (segments.length !== 2) {
    faults.invalid(place, signerName, "must be a fully qualified domain and path of the form 'example.com/signer-name'");
    return;
  }
  const [domain, path] = segments as [string, string];
  if (domain.length > SUBDOMAIN_MAX) faults.tooLong(place, SUBDOMAIN_MAX);
  const labels = domain.split('.');
  checkFirstBadLabel(labels, dns1123LabelFaults, domain, place, faults);
  if (labels.length < 2) faults.invalid(place, domain, 'should be a domain with at least two segments separated by dots');
  checkFirstBadLabel(path.split('.'), dns1123SubdomainFaults, path, place, faults);
  if (signerName.length > SIGNER_NAME_MAX) faults.tooLong(place, SIGNER_NAME_MAX);
}

function checkFirstBadLabel(labels: readonly string[], check: (label: string) => string[], value: string, place: string, faults: Faults): void {
  for (const label of labels) {
    const texts = check(label);
    for (const text of texts) faults.invalid(place, value, `validating label "${label}": ${text}`);
    if (texts.length > 0) return;
  }
}

/** A bundle of a signer is named `<signer with ':' for '/'>:<name>`; one without a signer has no colon. */
export function trustBundleNameTexts(name: string, signerName: string): string[] {
  if (signerName === '') {
    return name.includes(':') ? ['ClusterTrustBundle without signer name must not have ":" in its name'] : dns1123SubdomainFaults(name);
  }
  const prefix = `${signerName.replaceAll('/', ':')}:`;
  if (!name.startsWith(prefix)) return [`ClusterTrustBundle for signerName ${signerName} must be named with prefix ${prefix}`];
  return dns1123SubdomainFaults(name.slice(prefix.length));
}

/** As above, for a reference that tells the signer only by the name itself. */
export function clusterTrustBundleNameFaults(name: string): string[] {
  const colon = name.lastIndexOf(':');
  return trustBundleNameTexts(name, colon === -1 ? '' : name.slice(0, colon).replaceAll(':', '/'));
}
