/** A pod's runtime class: it must exist; its overhead, node selector and tolerations become the pod's. */
import type { Pod, Toleration } from '#api/generated/core/v1';
import { runtimeclasses, type RuntimeClass } from '#api/generated/node/v1';
import { quote } from '#machinery/go-print';
import { newUnknownError } from '#machinery/status-error';
import { lookup, type AdmissionDependencies } from './dependencies.ts';
import type { AdmissionAttributes, AdmissionPlugin } from './plugin.ts';
import { isAbout, refused } from './refusal.ts';
import { compareQuantities, parseQuantity } from '#machinery/quantity';

export function runtimeClass(dependencies: AdmissionDependencies): AdmissionPlugin {
  const classOf = async (attributes: AdmissionAttributes): Promise<RuntimeClass | undefined> => {
    const name = (attributes.object as Pod).spec?.runtimeClassName;
    if (name === undefined) return undefined;
    if (name === '') throw newUnknownError('resource name may not be empty');
    const found = await lookup(dependencies, runtimeclasses, name, undefined, attributes.signal);
    if (found === undefined) throw refused(attributes, `pod rejected: RuntimeClass ${quote(name)} not found`);
    return found;
  };
  const applies = (attributes: AdmissionAttributes): boolean => isAbout(attributes, '', 'pods') && attributes.operation === 'CREATE';
  return {
    name: 'RuntimeClass',
    async admit(attributes) {
      if (!applies(attributes)) return;
      const found = await classOf(attributes);
      if (found === undefined) return;
      const spec = (attributes.object as Pod).spec!;
      const fixed = found.overhead?.podFixed;
      if (found.overhead !== undefined) {
        if (Object.keys(spec.overhead ?? {}).length > 0 && !sameAmounts(fixed, spec.overhead)) {
          throw refused(attributes, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead");
        }
        if (fixed !== undefined) spec.overhead = { ...fixed };
      }
      if (found.scheduling === undefined) return;
      for (const [key, value] of Object.entries(found.scheduling.nodeSelector ?? {})) {
        const own = spec.nodeSelector?.[key];
        if (own !== undefined && own !== value) {
          throw refused(attributes, `conflict: runtimeClass.scheduling.nodeSelector[${key}] = ${value}; pod.spec.nodeSelector[${key}] = ${own}`);
        }
        (spec.nodeSelector ??= {})[key] = value;
      }
      const tolerations = mergedTolerations(spec.tolerations ?? [], found.scheduling.tolerations ?? []);
      if (tolerations.length > 0) spec.tolerations = tolerations;
    },
    async validate(attributes) {
      if (!applies(attributes)) return;
      const found = await classOf(attributes);
      const overhead = (attributes.object as Pod).spec?.overhead;
      if (found?.overhead !== undefined) {
        if (!sameAmounts(found.overhead.podFixed, overhead)) throw refused(attributes, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead");
      } else if (overhead !== undefined) {
        throw refused(attributes, 'pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead');
      }
    },
  };
}

type Amounts = Readonly<Record<string, string>> | undefined;

function sameAmounts(a: Amounts, b: Amounts): boolean {
  const left = Object.entries(a ?? {});
  return left.length === Object.keys(b ?? {}).length
    && left.every(([name, text]) => b?.[name] !== undefined && compareQuantities(parseQuantity(text), parseQuantity(b[name])) === 0);
}

/** The pod's and the class's, without those that another one covers. */
function mergedTolerations(own: readonly Toleration[], added: readonly Toleration[]): Toleration[] {
  const all = [...own, ...added];
  return all.filter((toleration, i) => !all.some((other, j) => j !== i && covers(other, toleration) && (j > i || !covers(toleration, other))));
}

function covers(wide: Toleration, narrow: Toleration): boolean {
  if (same(wide, narrow)) return true;
  const key = wide.key ?? '';
  const effect = wide.effect ?? '';
  if (key !== '' && key !== (narrow.key ?? '')) return false;
  if (effect !== '' && effect !== (narrow.effect ?? '')) return false;
  if (wide.tolerationSeconds !== narrow.tolerationSeconds && wide.tolerationSeconds !== undefined) return false;
  return wide.operator === 'Exists' || ((narrow.operator ?? 'Equal') === 'Equal' && (wide.value ?? '') === (narrow.value ?? ''));
}

function same(a: Toleration, b: Toleration): boolean {
  return (a.key ?? '') === (b.key ?? '') && (a.operator || 'Equal') === (b.operator || 'Equal') && (a.value ?? '') === (b.value ?? '')
    && (a.effect ?? '') === (b.effect ?? '') && a.tolerationSeconds === b.tolerationSeconds;
}
