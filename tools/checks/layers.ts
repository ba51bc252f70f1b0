/** Who may import whom: the table of the design, and the rule that siblings keep apart. */
import { roomOf, type Finding, type SourceFile } from './sources.ts';

const COMPONENT_IMPORTS = ['machinery', 'api', 'semantics', 'client', 'component'];

/** Room → rooms it may import, besides itself and `base`. */
export const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  base: [],
  wire: [],
  pki: [],
  machinery: [],
  api: ['machinery'],
  semantics: ['machinery', 'api'],
  storage: ['wire'],
  client: ['wire', 'machinery', 'api', 'pki'],
  component: ['machinery', 'api', 'pki', 'client'],
  apiserver: ['wire', 'machinery', 'api', 'semantics', 'pki', 'storage', 'client', 'component'],
  controllers: [...COMPONENT_IMPORTS, 'pki'],
  scheduler: COMPONENT_IMPORTS,
  proxy: COMPONENT_IMPORTS,
  dns: COMPONENT_IMPORTS,
  simulator: COMPONENT_IMPORTS,
  kubelet: ['wire', 'machinery', 'api', 'semantics', 'pki', 'client', 'component'],
  cmd: ['wire', 'machinery', 'api', 'semantics', 'pki', 'storage', 'client', 'component', 'apiserver', 'controllers', 'scheduler', 'kubelet', 'proxy', 'dns', 'simulator'],
};

const COMPONENT_ROOMS = new Set(['apiserver', 'controllers', 'scheduler', 'kubelet', 'proxy', 'dns', 'simulator']);

/** Folders (by depth) whose members do not import each other. */
const SIBLINGS: readonly { readonly folder: string; readonly shared: readonly string[]; readonly instead: string }[] = [
  { folder: 'src/apiserver/resources', shared: ['rules', 'printing'], instead: 'src/apiserver/resources/rules/' },
];

export function checkLayers(files: readonly SourceFile[]): Finding[] {
  const findings: Finding[] = [];
  for (const file of files) {
    const room = roomOf(file.path);
    if (room === undefined) continue;
    const allowed = MAY_IMPORT[room];
    if (allowed === undefined) {
      findings.push({ path: file.path, line: 1, message: `room ${room} is not in the design`, fix: 'put the file into a room of DESIGN §3, or add the room by a decision record' });
      continue;
    }
    for (const { target, specifier, line } of file.imports) {
      if (target === undefined) continue;
      const to = roomOf(target);
      if (to === undefined) {
        findings.push({ path: file.path, line, message: `imports ${specifier}, outside src`, fix: 'nothing in src imports tests or tools: move what is shared into src' });
      } else if (to === room) {
        if (specifier.startsWith('#')) findings.push({ path: file.path, line, message: `imports its own room by ${specifier}`, fix: 'use a relative path inside a room' });
      } else if (!specifier.startsWith('#')) {
        findings.push({ path: file.path, line, message: `crosses into ${to} by a relative path`, fix: `write #${target.slice(4, -3)}` });
      } else if (to !== 'base' && !allowed.includes(to)) {
        findings.push({ path: file.path, line, message: `${room} may not import ${to}`, fix: whereInstead(room, to) });
      }
    }
  }
  return [...findings, ...checkSiblings(files)];
}

function whereInstead(room: string, to: string): string {
  if (COMPONENT_ROOMS.has(room) && COMPONENT_ROOMS.has(to)) return 'components meet only through the API; a rule both need goes to src/semantics, the loop to src/client, delegated auth to src/component';
  if (to === 'storage') return 'only the API server touches storage';
  return `move what is needed down to a room that ${room} may import: ${MAY_IMPORT[room]!.join(', ') || 'base only'}`;
}

function checkSiblings(files: readonly SourceFile[]): Finding[] {
  const findings: Finding[] = [];
  for (const { folder, shared, instead } of SIBLINGS) {
    const member = (path: string): string | undefined => {
      if (!path.startsWith(`${folder}/`)) return undefined;
      const parts = path.slice(folder.length + 1).split('/');
      return parts.length < 3 || shared.includes(parts[0]!) ? undefined : `${parts[0]}/${parts[1]}`;
    };
    for (const file of files) {
      const from = member(file.path);
      if (from === undefined) continue;
      for (const { target, line, specifier } of file.imports) {
        const to = target === undefined ? undefined : member(target);
        if (to !== undefined && to !== from) findings.push({ path: file.path, line, message: `sibling ${from} imports ${specifier}`, fix: `what two resources need goes to ${instead}` });
      }
    }
  }
  return findings;
}
