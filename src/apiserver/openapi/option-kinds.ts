/** DeleteOptions and WatchEvent are kinds of every group version: which ones a document names. */
import type { GroupVersionKind, OpenApiVersion } from './definitions.ts';

/** Group versions that upstream registers, served or not; clients look DeleteOptions of their group up by them. */
const REGISTERED = [
  ':v1', 'admission.k8s.io:v1,v1beta1', 'admissionregistration.k8s.io:v1,v1alpha1,v1beta1', 'apiextensions.k8s.io:v1,v1beta1', 'apiregistration.k8s.io:v1,v1beta1',
  'apps:v1,v1beta1,v1beta2', 'authentication.k8s.io:v1,v1alpha1,v1beta1', 'authorization.k8s.io:v1,v1beta1', 'autoscaling:v1,v2', 'batch:v1,v1beta1',
  'certificates.k8s.io:v1,v1alpha1,v1beta1', 'coordination.k8s.io:v1,v1alpha2,v1beta1', 'discovery.k8s.io:v1,v1beta1', 'events.k8s.io:v1,v1beta1',
  'extensions:v1beta1', 'flowcontrol.apiserver.k8s.io:v1,v1beta1,v1beta2,v1beta3', 'imagepolicy.k8s.io:v1alpha1', 'internal.apiserver.k8s.io:v1alpha1',
  'networking.k8s.io:v1,v1beta1', 'node.k8s.io:v1,v1alpha1,v1beta1', 'policy:v1,v1beta1', 'rbac.authorization.k8s.io:v1,v1alpha1,v1beta1',
  'resource.k8s.io:v1,v1alpha3,v1beta1,v1beta2', 'scheduling.k8s.io:v1,v1alpha2,v1beta1', 'storage.k8s.io:v1,v1alpha1,v1beta1', 'storagemigration.k8s.io:v1beta1',
];

export function optionKinds(kind: string, version: OpenApiVersion, published: readonly { readonly group: string; readonly version: string }[]): GroupVersionKind[] {
  if (version === 2) {
    return REGISTERED.flatMap((entry) => {
      const [group, versions] = entry.split(':') as [string, string];
      return versions.split(',').map((name) => ({ group, version: name, kind }));
    });
  }
  const own = published.filter((entry) => entry.group !== '').map((entry) => ({ group: entry.group, version: entry.version, kind }));
  return [{ group: '', version: 'v1', kind }, ...own];
}
