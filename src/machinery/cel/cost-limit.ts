/** An evaluation that has cost all it may; nothing in the expression can catch it. */
export class CostLimitError extends Error {
  constructor() {
    super('operation cancelled: actual cost limit exceeded');
  }
}

/**
 * Characters and items that one evaluation may make. The cost model pays for what is read, ten characters a unit, not for what
 * comes out: `replace` can make a long text of two short ones, and lists that are added cost nothing.
 */
export const WRITTEN_MAX = 16 * 1024 * 1024;
