/**
 * Handlers of subresources that take the connection or stream: log, exec, attach, portforward, proxy.
 *
 * The proxy room gives them to `createApiServer`; a subresource without one answers 405.
 */
import type { RequestContext } from '../context.ts';
import type { ApiResponse } from '../request.ts';

export interface ConnectHandler {
  readonly group: string;
  readonly resource: string;
  readonly subresource: string;
  /** Lower-case HTTP methods taken; empty: all. */
  readonly methods: readonly string[];
  handle(context: RequestContext): Promise<ApiResponse>;
}

export class ConnectRegistry {
  readonly #handlers = new Map<string, ConnectHandler>();

  constructor(handlers: readonly ConnectHandler[]) {
    for (const handler of handlers) this.#handlers.set(`${handler.group}/${handler.resource}/${handler.subresource}`, handler);
  }

  find(group: string, resource: string, subresource: string): ConnectHandler | undefined {
    return this.#handlers.get(`${group}/${resource}/${subresource}`);
  }
}
