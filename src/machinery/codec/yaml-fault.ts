/** Says a syntax fault of the YAML library in the words of upstream's parser, as near as the two go together. */
import type { YAMLException } from 'js-yaml';

const CANNOT_START_TOKEN = 'found character that cannot start any token';

export function yamlFaultText(text: string, reason: string, mark: YAMLException['mark']): string {
  const lineIndex = mark?.line ?? 0;
  const line = text.split('\n')[lineIndex] ?? '';
  const atEnd = reason.startsWith('unexpected end of the stream');
  if (/^\s*\t/.test(line) || /(?:^|[:\-,[{]\s+)[@`]/.test(line)) return located(CANNOT_START_TOKEN, lineIndex + 1, lineIndex);
  if (/depth|nesting/i.test(reason)) return 'yaml: exceeded max depth';
  if (atEnd && reason.includes('flow collection')) {
    const lines = text.endsWith('\n') ? text.split('\n').length - 1 : text.split('\n').length;
    const complaint = /[[{,:]\s*$/.test(text) ? 'did not find expected node content' : `did not find expected ',' or '${text.lastIndexOf('[') > text.lastIndexOf('{') ? ']' : '}'}'`;
    return located(complaint, lines, lines);
  }
  if (atEnd) return located('found unexpected end of stream', lineIndex + 1, lineIndex);
  if (reason.startsWith('bad indentation of a mapping entry')) {
    const isSecondColon = /:\s.*:(?:\s|$)/.test(line);
    return isSecondColon ? located('mapping values are not allowed in this context', lineIndex + 1, lineIndex) : located('did not find expected key', lineIndex, lineIndex);
  }
  return located(reason, lineIndex, lineIndex);
}

/** Upstream leaves the line out where its count stands at zero. */
function located(complaint: string, line: number, countedLines: number): string {
  return countedLines === 0 ? `yaml: ${complaint}` : `yaml: line ${line}: ${complaint}`;
}
