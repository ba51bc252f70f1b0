/** Seccomp profiles: once annotations, fields since v1.19; the restricted level demands one. */
import { quote } from '#machinery/go-print';
import { named, plural, quoted, setters, sortedSet, type CheckPod } from './check.ts';

const POD_ANNOTATION = 'seccomp.security.alpha.kubernetes.io/pod';
const CONTAINER_ANNOTATION = 'container.seccomp.security.alpha.kubernetes.io/';

export const seccompAnnotations: CheckPod = ({ metadata, containers }) => {
  const isGood = (value: string): boolean => value === 'runtime/default' || value === 'docker/default' || value.startsWith('localhost/');
  const keys = [POD_ANNOTATION, ...containers.map(({ name }) => CONTAINER_ANNOTATION + name)];
  const bad = sortedSet(keys.flatMap((key) => {
    const value = metadata.annotations?.[key];
    return value === undefined || isGood(value) ? [] : [`${key}=${quote(value)}`];
  }));
  return bad.length === 0 ? undefined : { reason: 'seccompProfile', detail: `forbidden ${plural('annotation', bad.length)} ${bad.join(', ')}` };
};

/** @param isRequired each container must have one, of its own or the pod's. */
export function seccompFields(isRequired: boolean): CheckPod {
  return ({ spec, containers }) => {
    const isGood = (type: string): boolean => type === 'Localhost' || type === 'RuntimeDefault';
    const pod = spec.securityContext?.seccompProfile?.type;
    const typed = containers.map(({ name, securityContext }) => ({ name, type: securityContext?.seccompProfile?.type }));
    const bad = typed.filter(({ type }) => type !== undefined && !isGood(type));
    const podIsBad = pod !== undefined && !isGood(pod);
    if (podIsBad || bad.length > 0) {
      const values = sortedSet([...(podIsBad ? [pod] : []), ...bad.map(({ type }) => type!)]);
      return { reason: 'seccompProfile', detail: `${setters(podIsBad, bad.map(({ name }) => name))} must not set securityContext.seccompProfile.type to ${quoted(values)}` };
    }
    const without = isRequired && pod === undefined ? typed.filter(({ type }) => type === undefined).map(({ name }) => name) : [];
    if (without.length === 0) return undefined;
    return { reason: 'seccompProfile', detail: `pod or ${named('container', without)} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"` };
  };
}
