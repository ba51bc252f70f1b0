/** Pod priority: resolved from the class by name, or the default class; a pod may not bring its own number. */
import type { Pod } from '#api/generated/core/v1';
import { priorityclasses, type PriorityClass } from '#api/generated/scheduling/v1';
import { lookup, type AdmissionDependencies } from './dependencies.ts';
import type { AdmissionAttributes, AdmissionPlugin } from './plugin.ts';
import { isAbout, refused } from './refusal.ts';

const SYSTEM_CLASSES: ReadonlySet<string> = new Set(['system-cluster-critical', 'system-node-critical']);

export function priority(dependencies: AdmissionDependencies): AdmissionPlugin {
  const informer = dependencies.informers.for(priorityclasses);
  const defaultClass = (): PriorityClass | undefined => {
    const marked = informer.list().filter((each) => each.globalDefault === true);
    return marked.sort((a, b) => (a.value ?? 0) - (b.value ?? 0))[0];
  };
  const classOf = async (attributes: AdmissionAttributes, name: string): Promise<PriorityClass | undefined> => {
    if (name === '') return defaultClass();
    const found = await lookup(dependencies, priorityclasses, name, undefined, attributes.signal);
    if (found === undefined) throw refused(attributes, `no PriorityClass with name ${name} was found`);
    return found;
  };
  return {
    name: 'Priority',
    async admit(attributes) {
      if (!isAbout(attributes, '', 'pods') || (attributes.operation !== 'CREATE' && attributes.operation !== 'UPDATE')) return;
      const spec = (attributes.object as Pod).spec!;
      if (attributes.operation === 'UPDATE') {
        const old = (attributes.oldObject as Pod).spec!;
        if (old.priority !== undefined) spec.priority ??= old.priority;
        if (old.preemptionPolicy !== undefined) spec.preemptionPolicy ??= old.preemptionPolicy;
        return;
      }
      const chosen = await classOf(attributes, spec.priorityClassName ?? '');
      const value = chosen?.value ?? 0;
      if (chosen !== undefined) spec.priorityClassName = chosen.metadata.name!;
      if (spec.priority !== undefined && spec.priority !== value) {
        throw refused(attributes, `the integer value of priority (${spec.priority}) must not be provided in pod spec; priority admission controller computed ${value} from the given PriorityClass name`);
      }
      spec.priority = value;
      const policy = chosen === undefined ? 'PreemptLowerPriority' : chosen.preemptionPolicy;
      if (policy === undefined) return;
      if (spec.preemptionPolicy !== undefined && spec.preemptionPolicy !== policy) {
        throw refused(attributes, `the string value of PreemptionPolicy (${spec.preemptionPolicy}) must not be provided in pod spec; priority admission controller computed ${policy} from the given PriorityClass name`);
      }
      spec.preemptionPolicy = policy;
    },
    validate(attributes) {
      if (!isAbout(attributes, 'scheduling.k8s.io', 'priorityclasses')) return;
      if (attributes.operation === 'DELETE' && SYSTEM_CLASSES.has(attributes.name)) throw refused(attributes, 'this is a system priority class and cannot be deleted');
      if (attributes.operation !== 'CREATE' && attributes.operation !== 'UPDATE') return;
      const wanted = attributes.object as PriorityClass;
      const present = wanted.globalDefault === true ? defaultClass() : undefined;
      if (present === undefined || (attributes.operation === 'UPDATE' && present.metadata.name === wanted.metadata.name)) return;
      throw refused(attributes, `PriorityClass ${present.metadata.name} is already marked as default. Only one default can exist`);
    },
  };
}
