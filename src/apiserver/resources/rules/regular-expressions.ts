/** Says what is wrong with a pattern in RE2's syntax, in the words of upstream's parser. Matches nothing. */
import { RE2JS } from 're2js';

export function regularExpressionFault(pattern: string): string | undefined {
  try {
    RE2JS.compile(pattern);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
