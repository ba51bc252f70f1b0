/** Flow schemas as a resource. */
import { flowschemas, type FlowSchema } from '#api/generated/flowcontrol/v1';
import type { ResourceDefinition } from '../../definition.ts';
import { faultsOf } from '../../rules/faults.ts';
import { checkFlowConditions } from '../../rules/flow-conditions.ts';
import { checkFinalizers, checkMetaAgain } from '../../rules/metadata.ts';
import { countChange, keepAllMetadata, keepFields } from '../../rules/status-reset.ts';
import { checkFlowSchema } from './validation.ts';

const DEFAULT_PRECEDENCE = 1000;

export const flowSchemaDefinition: ResourceDefinition<FlowSchema> = {
  resource: flowschemas,
  schema: 'flowcontrol/v1.FlowSchema',
  nameRule: 'dns1123-subdomain',
  strategy: {
    defaults: ({ spec }) => { if (spec) spec.matchingPrecedence ||= DEFAULT_PRECEDENCE; },
    prepareForCreate: (schema) => {
      schema.status = {};
      schema.metadata.generation = 1;
    },
    prepareForUpdate: (schema, old) => {
      countChange(schema, old, 'spec');
      keepFields(schema, old, 'status');
    },
    validateCreate: (schema) => faultsOf((faults) => {
      checkFinalizers(schema, faults);
      checkFlowSchema(schema, faults);
    }),
    validateUpdate: (schema) => faultsOf((faults) => {
      checkMetaAgain(schema, faults, false);
      checkFlowSchema(schema, faults);
    }),
  },
  statusStrategy: {
    prepareForUpdate: (schema, old) => {
      keepAllMetadata(schema, old);
      keepFields(schema, old, 'spec');
    },
    validateUpdate: (schema) => faultsOf((faults) => checkFlowConditions(schema.status?.conditions, faults)),
  },
  allowUnconditionalUpdate: true,
};
