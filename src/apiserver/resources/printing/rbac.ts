/**
 * The tables of role bindings. Roles have the default table.
 */
import type { ClusterRoleBinding, RoleBinding, Subject } from '#api/generated/rbac/v1';
import type { TablePrinter } from '../definition.ts';
import { age } from './cells.ts';
import { AGE, column, NAME, wideColumn } from './columns.ts';

type Binding = RoleBinding | ClusterRoleBinding;

function bindingPrinter(binding: string): TablePrinter<Binding> {
  return {
    columns: [
      NAME,
      column('Role', 'string', 'Role that is granted.'),
      AGE,
      wideColumn('Users', 'string', `Users in the ${binding}`),
      wideColumn('Groups', 'string', `Groups in the ${binding}`),
      wideColumn('ServiceAccounts', 'string', `ServiceAccounts in the ${binding}`),
    ],
    cells: ({ metadata, roleRef, subjects = [] }, nowMs) => [
      metadata.name, `${roleRef.kind}/${roleRef.name}`, age(metadata, nowMs),
      names(subjects, 'User', ({ name }) => name), names(subjects, 'Group', ({ name }) => name),
      names(subjects, 'ServiceAccount', ({ namespace, name }) => `${namespace ?? ''}/${name}`),
    ],
  };
}

function names(subjects: readonly Subject[], kind: string, text: (subject: Subject) => string): string {
  return subjects.filter((subject) => subject.kind === kind).map(text).join(', ');
}

export const roleBindingPrinter = bindingPrinter('roleBinding');
export const clusterRoleBindingPrinter = bindingPrinter('clusterRoleBinding');
