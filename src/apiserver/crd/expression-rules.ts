/**
 * The compiler of `x-kubernetes-validations` that the server uses: rules in the expression language.
 */
import type { CustomResourceDefinitionSpec, JSONSchemaProps } from '#api/generated/apiextensions/v1';
import { compileRules } from './rule-evaluation.ts';
import { hasCostlyRule, schemaRuleFaults } from './rule-faults.ts';
import type { RuleCompiler } from './rules.ts';

export const EXPRESSION_RULES: RuleCompiler = {
  schemaFaults(schema, place, old) {
    const faults = schemaRuleFaults(schema, place, false);
    return faults.length > 0 && keepsCostlyRules(old) ? schemaRuleFaults(schema, place, true) : faults;
  },
  compile: compileRules,
};

function keepsCostlyRules(old: CustomResourceDefinitionSpec | undefined): boolean {
  const schemas = (old?.versions ?? []).map((version) => version.schema?.openAPIV3Schema as JSONSchemaProps | undefined);
  return schemas.some((schema) => schema !== undefined && hasCostlyRule(schema));
}
