/**
 * Transcripts of a shell session: what was typed, and what must come back. The text is the test.
 *
 *     ## a title starts a section, which is one test
 *     # a remark
 *     $ kubectl get pods -o name            a command; `> ` continues it
 *     pod/web-<id>                          its standard output
 *     ! Warning: …                          a line of its standard error
 *     [1]                                   its exit code, when it is not 0
 *     $~ kubectl get pods                   tried again until it answers so
 *     {1.30+} {-1.29} {1.28-1.30}           before a line: only for these versions of kubectl (of a title: the whole section)
 *     \# …                                  an output line that starts like one of the above
 *
 * Placeholders stand for what differs each time (see PLACEHOLDERS). A run of blanks within a line matches any run, as it pads a column.
 * `...` alone is any number of lines. Blank lines at the end of an output do not count.
 */

export interface Step {
  /** Of the command, from 1. */
  readonly line: number;
  /** Lines that say what comes back: from the line after the command up to, not including, this one. */
  readonly firstExpected: number;
  endExpected: number;
  command: string;
  readonly eventually: boolean;
  readonly stdout: string[];
  readonly stderr: string[];
  code: number;
}

export interface Section { readonly title: string; readonly steps: Step[] }

export interface Answer { readonly stdout: string; readonly stderr: string; readonly code: number }

const PLACEHOLDERS: Readonly<Record<string, string>> = {
  age: String.raw`(?:\d+(?:ms|[ydhms]))+`,
  time: String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z|[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d [+-]\d{4}`,
  uid: '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}',
  ip: String.raw`\d+\.\d+\.\d+\.\d+`,
  n: String.raw`\d+`,
  id: '[a-z0-9]{5}',
  hash: '[a-z0-9]{6,10}',
  word: String.raw`\S+`,
  rest: '.*',
};

const CONDITION = /^\{(?:1\.(\d+))?([+-])(?:1\.(\d+))?\} ?/;

/** @returns the line without its condition, or undefined when the condition does not hold for `minor`. */
function lineFor(text: string, minor: number): string | undefined {
  const found = CONDITION.exec(text);
  if (found === null) return text;
  const [whole, from, sign, to] = found;
  const holds = sign === '+' ? minor >= Number(from) : minor >= Number(from ?? 0) && minor <= Number(to ?? Infinity);
  return holds ? text.slice(whole.length) : undefined;
}

const unescaped = (text: string): string => (/^\\(#|\$|!|\[|>|\{|\.\.\.)/.test(text) ? text.slice(1) : text);

/** @throws Error with the line's number for text that belongs to no command. */
export function parseTranscript(text: string, minor: number): Section[] {
  const sections: Section[] = [];
  let step: Step | undefined;
  let sectionHolds = true;
  let stepHolds = true;
  text.split('\n').forEach((raw, index) => {
    const line = index + 1;
    const bare = raw.replace(CONDITION, '');
    const wanted = lineFor(raw, minor);
    const title = /^## (.*)$/.exec(bare)?.[1];
    const command = /^\$(~?) (.*)$/.exec(bare);
    if (title !== undefined) {
      sectionHolds = wanted !== undefined;
      step = undefined;
      if (sectionHolds) sections.push({ title, steps: [] });
    } else if (/^#( |$)/.test(bare)) {
      step = undefined;
    } else if (command !== null) {
      stepHolds = wanted !== undefined;
      step = { line, firstExpected: line + 1, endExpected: line + 1, command: command[2]!, eventually: command[1] === '~', stdout: [], stderr: [], code: 0 };
      if (sectionHolds && stepHolds) {
        if (sections.length === 0) throw new Error(`line ${line}: a command before the first section`);
        sections.at(-1)!.steps.push(step);
      }
    } else if (step === undefined) {
      if (bare !== '') throw new Error(`line ${line}: belongs to no command: ${bare}`);
    } else if (/^>( |$)/.test(bare)) {
      if (wanted !== undefined) step.command += `\n${bare.slice(2)}`;
      (step as { firstExpected: number }).firstExpected = line + 1;
      step.endExpected = line + 1;
    } else {
      if (bare !== '') step.endExpected = line + 1;
      if (wanted === undefined) return;
      const code = /^\[(\d+)\]$/.exec(bare);
      if (code !== null) step.code = Number(code[1]);
      else if (/^!( |$)/.test(bare)) step.stderr.push(bare.slice(2));
      else step.stdout.push(unescaped(bare));
    }
  });
  for (const { steps } of sections) for (const { stdout } of steps) while (stdout.at(-1) === '') stdout.pop();
  return sections;
}

const quoted = (text: string): string => text.replace(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`);

/** Indented more than that, a line goes on in a column of the one above. */
const INDENT_MAX = 12;

/** Columns are as wide as what stands in them: wherever there are blanks within a line, there may be more or fewer. */
function linePattern(text: string): RegExp {
  const indent = /^ */.exec(text)![0];
  const parts = text.slice(indent.length).split(/(<[a-z]+>)/).map((part) => {
    const placeholder = /^<([a-z]+)>$/.exec(part)?.[1] ?? '';
    return Object.hasOwn(PLACEHOLDERS, placeholder) ? `(?:${PLACEHOLDERS[placeholder]})` : quoted(part).replace(/ {2,}/g, ' {2,}');
  });
  return new RegExp(`^${indent.length > INDENT_MAX ? ' {2,}' : indent}${parts.join('')}$`);
}

const linesOf = (output: string): string[] => output.replace(/[\n ]+$/, '').split('\n').map((line) => line.replace(/[\r ]+$/, ''));

/** Whether `lines` are what `expected` says. Both without trailing blanks. */
export function linesMatch(expected: readonly string[], lines: readonly string[]): boolean {
  const [first, ...rest] = expected;
  if (first === undefined) return lines.length === 0 || (lines.length === 1 && lines[0] === '');
  if (first !== '...') return lines.length > 0 && linePattern(first.trimEnd()).test(lines[0]!) && linesMatch(rest, lines.slice(1));
  for (let skipped = 0; skipped <= lines.length; skipped++) if (linesMatch(rest, lines.slice(skipped))) return true;
  return false;
}

/** What client-go logs of its watches when a command's time ends depends on which step it ends in. */
const WATCH_LOG = /^[IW]\d{4} [\d:.]+ +\d+ reflector\.go:\d+\] /;

export function answers(step: Step, answer: Answer): boolean {
  return answer.code === step.code && linesMatch(step.stdout, linesOf(answer.stdout)) && linesMatch(step.stderr, linesOf(answer.stderr).filter((line) => !WATCH_LOG.test(line)));
}

/** An answer in the transcript's own notation. */
export function answerText({ stdout, stderr, code }: Answer): string[] {
  const lines = (output: string): string[] => (output.trimEnd() === '' ? [] : linesOf(output));
  const special = /^(## |# |#$|\$~? |!|\[\d+\]$|> |>$|\.\.\.$)/;
  return [
    ...lines(stdout).map((line) => (special.test(line) ? `\\${line}` : line)),
    ...lines(stderr).map((line) => `! ${line}`.trimEnd()),
    ...(code === 0 ? [] : [`[${code}]`]),
  ];
}

/** What differs each time becomes placeholders, as far as it can be told; for taking down new transcripts. */
export function withPlaceholders(line: string): string {
  return line
    .replace(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '<uid>')
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, '<time>')
    .replace(/[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d [+-]\d{4}/g, '<time>')
    .replace(/-(?=[bcdfghjklmnpqrstvwxz2456789]*\d)[bcdfghjklmnpqrstvwxz2456789]{8,10}-[bcdfghjklmnpqrstvwxz2456789]{5}\b/g, '-<hash>-<id>')
    .replace(/-(?=[bcdfghjklmnpqrstvwxz2456789]*\d)[bcdfghjklmnpqrstvwxz2456789]{9,10}\b/g, '-<hash>')
    .replace(/("?resourceVersion"?): ?"\d+"/, '$1: "<n>"')
    .replace(/^! ([WEI])\d{4} [\d:.]+ +\d+ ([\w.]+):\d+\]/, '! $1<rest> $2:<n>]')
    .replace(/-[bcdfghjklmnpqrstvwxz2456789]{5}(?= |$)/g, '-<id>')
    .replace(/\b10\.(?:96|97|98|99|1\d\d|244)\.\d+\.\d+\b/g, '<ip>')
    .replace(/( {2,})(?:\d+[smhd])+(?= {2,}|$)/g, '$1<age>');
}
