/** What may not be written: ambient time and chance, drawers without a name, words that do not belong into the product. */
import { basename } from 'node:path';
import { roomOf, type Finding, type SourceFile } from './sources.ts';

interface Ban { readonly pattern: RegExp; readonly message: string; readonly fix: string }

const AMBIENT: readonly Ban[] = [
  { pattern: /\bDate\.now\(\)|\bnew Date\(\)|\bperformance\.now\(\)/, message: 'reads the time directly', fix: 'take a Clock (#base/clock)' },
  { pattern: /(?<![.\w])(setTimeout|setInterval)\(|timers\/promises/, message: 'sets a timer directly', fix: 'use clock.setTimer or clock.sleep (#base/clock)' },
  { pattern: /\bMath\.random\(\)|\brandomUUID\(|\brandomBytes\(|\brandomInt\(/, message: 'draws chance directly', fix: 'take a Random (#base/random)' },
  { pattern: /\bAbortSignal\.timeout\(/, message: 'a timer in disguise', fix: 'abort a controller from clock.setTimer' },
];

const EVERYWHERE: readonly Ban[] = [
  { pattern: /\bconsole\.(log|error|warn|info)\(/, message: 'prints directly', fix: 'take a Logger (#base/log); only src/cmd talks to the terminal' },
  { pattern: /@ts-(ignore|nocheck)/, message: 'silences the type checker', fix: 'make the type true' },
  { pattern: /\b(TODO|FIXME|XXX)\b/, message: 'leaves a note instead of a deed', fix: 'do it, or file an issue' },
];

const DRAWERS = /^(utils?|helpers?|common|misc|manager2|types|index)\.ts$/;

/** Rooms whose job is the outside world. Keys and serial numbers in pki come from node's cryptography by design. */
const AMBIENT_ROOMS = new Set(['base', 'cmd']);

export function checkBans(files: readonly SourceFile[]): Finding[] {
  const findings: Finding[] = [];
  for (const file of files) {
    const room = roomOf(file.path);
    if (room === undefined || file.isGenerated) continue;
    if (DRAWERS.test(basename(file.path))) {
      findings.push({ path: file.path, line: 1, message: 'a drawer without a name', fix: 'name the file by the noun it defines' });
    }
    if (!file.isTest && !/^\s*(\/\*\*|\/\/)/.test(file.text)) {
      findings.push({ path: file.path, line: 1, message: 'has no header comment', fix: 'begin with the idea of the file: what it is, its invariant, what it does not do' });
    }
    const bans = [...(AMBIENT_ROOMS.has(room) || file.isTest ? [] : AMBIENT), ...(room === 'cmd' || file.isTest ? [] : EVERYWHERE)];
    file.lines.forEach((text, i) => {
      const code = text.replace(/^\s*(\*|\/\/|\/\*).*$/, '').replace(/\s\/\/ .*$/, '');
      for (const ban of bans) {
        if (ban.pattern.test(code)) findings.push({ path: file.path, line: i + 1, message: ban.message, fix: ban.fix });
      }
    });
  }
  return findings;
}
