/**
 * A runtime's failure as gRPC prints it upstream: `rpc error: code = NotFound desc = …`. Clients match on it in events.
 */
import { CriError } from './contract.ts';

export function rpcText(error: unknown): string {
  if (error instanceof CriError) return `rpc error: code = ${goCode(error.code)} desc = ${error.message}`;
  return error instanceof Error ? error.message : String(error);
}

/** `deadline-exceeded` → `DeadlineExceeded`. */
function goCode(code: string): string {
  return code.split('-').map((part) => part[0]!.toUpperCase() + part.slice(1)).join('');
}
