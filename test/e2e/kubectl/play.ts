/**
 * Plays transcripts against a cluster: each in a namespace, a directory and a shell of its own, with `kubectl` being the version at
 * hand. `KUBECTL_RECORD=1` writes the answers that came into the transcript instead of comparing: read what changed, line by line.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { run } from '../local-cluster.ts';
import type { Kubectl } from './binaries.ts';
import { openShell, type Shell } from './shell.ts';
import { answers, answerText, parseTranscript, withPlaceholders, type Answer, type Step } from './transcript.ts';

const EVENTUALLY_MS_MAX = 30_000;
const TRY_AGAIN_MS = 200;
const recording = process.env['KUBECTL_RECORD'] === '1';
const only = process.env['KUBECTL_SCRIPTS']?.split(',');

/** What the transcripts of one kubectl share: the program, its home with what it knows of the server. */
export interface Desk { readonly kubectl: Kubectl; readonly root: string; readonly kubeconfig: string }

export function openDesk(kubectl: Kubectl, kubeconfig: string): Desk {
  const root = mkdtempSync(join(tmpdir(), 'kubernode-kubectl-'));
  for (const directory of ['bin', 'home']) mkdirSync(join(root, directory));
  symlinkSync(kubectl.path, join(root, 'bin/kubectl'));
  return { kubectl, root, kubeconfig };
}

export function closeDesk(desk: Desk | undefined): void {
  if (desk !== undefined) rmSync(desk.root, { recursive: true, force: true });
}

async function sit(desk: Desk, namespace: string): Promise<Shell> {
  const directory = join(desk.root, namespace);
  mkdirSync(directory);
  const kubeconfig = join(directory, '.kubeconfig');
  writeFileSync(kubeconfig, readFileSync(desk.kubeconfig, 'utf8'));
  const env = { PATH: `${join(desk.root, 'bin')}:${process.env['PATH']}`, HOME: join(desk.root, 'home'), KUBECONFIG: kubeconfig, TZ: 'UTC', LC_ALL: 'C', TERM: 'dumb' };
  for (const args of [['create', 'namespace', namespace], ['config', 'set-context', '--current', '--namespace', namespace]]) {
    const { code, stderr } = await run(desk.kubectl.path, args, { env });
    assert.equal(code, 0, stderr);
  }
  return openShell(directory, env);
}

async function leave(desk: Desk, namespace: string, shell: Shell | undefined): Promise<void> {
  await shell?.stop();
  await run(desk.kubectl.path, ['--kubeconfig', desk.kubeconfig, 'delete', 'namespace', namespace, '--wait=false', '--ignore-not-found']);
}

async function play(shell: Shell, step: Step): Promise<Answer> {
  const deadline = performance.now() + (step.eventually ? EVENTUALLY_MS_MAX : 0);
  for (;;) {
    const answer = await shell.run(step.command);
    if (answers(step, answer) || performance.now() >= deadline) return answer;
    if (recording && performance.now() >= deadline - EVENTUALLY_MS_MAX + 5_000) return answer;
    await new Promise((resolve) => { setTimeout(resolve, TRY_AGAIN_MS); });
  }
}

/** Declares a test for each section of each `*.script` below `directory`. */
export function playAll(directory: string, kubectl: Kubectl, desk: () => Desk): void {
  for (const file of readdirSync(directory).filter((name) => name.endsWith('.script')).sort()) {
    const name = basename(file, '.script');
    if (only !== undefined && !only.includes(name)) continue;
    playFile(join(directory, file), name, kubectl, desk);
  }
}

function playFile(path: string, name: string, kubectl: Kubectl, desk: () => Desk): void {
  const lines = readFileSync(path, 'utf8').split('\n');
  const sections = parseTranscript(lines.join('\n'), kubectl.minor);
  if (sections.length === 0) return;
  const came: { step: Step; text: string[] }[] = [];
  // Sections follow one another in their shell, whatever runs beside it.
  describe(name, { concurrency: 1 }, () => {
    let shell: Shell;
    before(async () => { shell = await sit(desk(), name); });
    after(async () => {
      await leave(desk(), name, shell);
      for (const { step, text } of came.toReversed()) lines.splice(step.firstExpected - 1, step.endExpected - step.firstExpected, ...text);
      if (recording) writeFileSync(path, lines.join('\n'));
    });
    for (const { title, steps } of sections) {
      test(title, async () => {
        for (const step of steps) {
          const answer = await play(shell, step);
          if (answers(step, answer)) continue;
          if (recording) came.push({ step, text: answerText(answer).map(withPlaceholders) });
          else assert.fail(differing(path, step, answer));
        }
      });
    }
  });
}

function differing(path: string, step: Step, answer: Answer): string {
  const expected = answerText({ stdout: step.stdout.join('\n'), stderr: step.stderr.join('\n'), code: step.code });
  const block = (title: string, lines: readonly string[]): string => `${title}:\n${lines.map((line) => `    ${line}`).join('\n')}`;
  return `${path}:${step.line}\n$ ${step.command}\n${block('expected', expected)}\n${block('came', answerText(answer))}`;
}
