/** Runtime classes as a resource. */
import { runtimeclasses, type RuntimeClass } from '#api/generated/node/v1';
import { nameIsDnsLabel } from '#machinery/names';
import type { ResourceDefinition } from '../../definition.ts';
import { checkTolerations } from '../../rules/affinity.ts';
import { type Faults, faultsOf } from '../../rules/faults.ts';
import { goJsonOf } from '../../rules/internal-print.ts';
import { checkFinalizers, checkLabels, checkMetaAgain, checkMetaOnUpdate } from '../../rules/metadata.ts';
import { deprecatedNodeLabelText } from '../../rules/node-labels.ts';
import { roundUpResources } from '../../rules/resource-lists.ts';
import { checkContainerResources } from '../../rules/resource-requirements.ts';

function checkClass({ handler, overhead, scheduling }: RuntimeClass, faults: Faults): void {
  if (!handler) faults.required('handler');
  else faults.invalidAll('handler', handler, nameIsDnsLabel(handler, false));
  if (overhead) checkContainerResources(overhead.podFixed ? { limits: overhead.podFixed } : {}, new Set(), 'overhead', faults, false);
  if (!scheduling) return;
  checkLabels(scheduling.nodeSelector, 'scheduling.nodeSelector', faults);
  const tolerations = scheduling.tolerations ?? [];
  checkTolerations(tolerations, 'scheduling.tolerations', faults, false);
  const seen = new Set<string>();
  for (const [index, toleration] of tolerations.entries()) {
    const { key = '', operator = '', value = '', effect = '' } = toleration;
    const own = JSON.stringify([key, operator, value, effect]);
    if (seen.has(own)) faults.duplicate(`scheduling.tolerations[${index}]`, goJsonOf('core/v1.Toleration', toleration));
    seen.add(own);
  }
}

function warnings({ scheduling }: RuntimeClass): string[] {
  return Object.keys(scheduling?.nodeSelector ?? {}).flatMap((key) => {
    const text = deprecatedNodeLabelText(key);
    return text ? [`scheduling.nodeSelector: ${text}`] : [];
  });
}

export const runtimeClassDefinition: ResourceDefinition<RuntimeClass> = {
  resource: runtimeclasses,
  schema: 'node/v1.RuntimeClass',
  nameRule: 'dns1123-subdomain',
  strategy: {
    defaults: (runtime) => roundUpResources(runtime.overhead?.podFixed),
    validateCreate: (runtime) => faultsOf((faults) => {
      checkFinalizers(runtime, faults);
      checkClass(runtime, faults);
    }),
    validateUpdate: (runtime, old) => faultsOf((faults) => {
      checkMetaAgain(runtime, faults, false);
      checkClass(runtime, faults);
      checkMetaOnUpdate(runtime, old, faults);
      if (runtime.handler !== old.handler) faults.invalid('handler', runtime.handler, 'field is immutable');
    }),
    warningsOnCreate: warnings,
    warningsOnUpdate: warnings,
  },
  allowCreateOnUpdate: true,
};
