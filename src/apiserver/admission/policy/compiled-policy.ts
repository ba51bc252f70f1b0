/** A policy's expressions as programs. Variables are typed one after the other; each sees those before it. */
import type { Variable } from '#api/generated/admissionregistration/v1';
import { compileExpression } from '#machinery/cel/compile';
import type { Environment } from '#machinery/cel/environment';
import { DYN, type Type } from '#machinery/cel/type';
import { admissionEnvironment, type ExpressionNames } from '#semantics/admission-expressions';
import type { CompiledExpression, CompiledVariable } from '../extension/evaluation.ts';

export interface PolicyCompiler {
  readonly variables: readonly CompiledVariable[];
  compile(expression: string, names?: { readonly authorizer?: boolean; readonly patchTypes?: boolean }): CompiledExpression;
}

export function policyCompiler(declared: readonly Variable[], params: boolean): PolicyCompiler {
  const types = new Map<string, Type>();
  const environmentOf = (names: Omit<ExpressionNames, 'params'>): Environment => admissionEnvironment({ params, ...names }, new Map(types));
  const variables = declared.map(({ name, expression }) => {
    const compilation = compileExpression(expression, environmentOf({ authorizer: true }));
    types.set(name, compilation.issues === undefined ? compilation.type : DYN);
    return { name, expression, compilation };
  });
  const environments = new Map<string, Environment>();
  return {
    variables,
    compile(expression, { authorizer = true, patchTypes = false } = {}) {
      const key = `${authorizer} ${patchTypes}`;
      let environment = environments.get(key);
      if (environment === undefined) environments.set(key, environment = environmentOf({ authorizer, patchTypes }));
      return { expression, compilation: compileExpression(expression, environment) };
    },
  };
}
