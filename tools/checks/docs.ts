/** Every room has a README of one screen, every run-time dependency a decision record, and links inside the docs lead somewhere. */
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { MAY_IMPORT } from './layers.ts';
import type { Finding } from './sources.ts';

const README_LINES_MAX = 60;

export function checkDocs(): Finding[] {
  return [...checkRooms(), ...checkDependencies(), ...checkLinks()];
}

function checkRooms(): Finding[] {
  const findings: Finding[] = [];
  for (const room of Object.keys(MAY_IMPORT)) {
    if (!existsSync(`src/${room}`)) continue;
    const path = `src/${room}/README.md`;
    if (!existsSync(path)) {
      findings.push({ path, line: 1, message: 'the room has no README', fix: 'say on one screen what it is, its border, where to start' });
    } else if (readFileSync(path, 'utf8').split('\n').length > README_LINES_MAX) {
      findings.push({ path, line: 1, message: `longer than ${README_LINES_MAX} lines`, fix: 'one screen; details go to docs/components' });
    }
  }
  return findings;
}

function checkDependencies(): Finding[] {
  const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as { dependencies: Record<string, string> };
  const records = existsSync('docs/decisions') ? readdirSync('docs/decisions').map((name) => readFileSync(`docs/decisions/${name}`, 'utf8')).join('\n') : '';
  return Object.keys(dependencies).filter((name) => !records.includes(`\`${name}\``)).map((name) => ({
    path: 'package.json', line: 1, message: `run-time dependency ${name} has no decision record`,
    fix: `write docs/decisions/NNNN-….md: why \`${name}\`, its state of maintenance, what it costs`,
  }));
}

function checkLinks(): Finding[] {
  const findings: Finding[] = [];
  const pages = ['README.md', ...below('docs'), ...Object.keys(MAY_IMPORT).map((room) => `src/${room}/README.md`)].filter((path) => existsSync(path));
  for (const path of pages) {
    readFileSync(path, 'utf8').split('\n').forEach((text, i) => {
      for (const match of text.matchAll(/\]\(([^)#\s]+)(#[^)]*)?\)/g)) {
        const target = match[1]!;
        if (/^[a-z]+:/.test(target)) continue;
        if (!existsSync(join(dirname(path), target))) findings.push({ path, line: i + 1, message: `link to ${target} leads nowhere`, fix: 'correct or remove it' });
      }
    });
  }
  return findings;
}

function below(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder).flatMap((name) => {
    const path = `${folder}/${name}`;
    if (statSync(path).isDirectory()) return below(path);
    return name.endsWith('.md') ? [path] : [];
  });
}
