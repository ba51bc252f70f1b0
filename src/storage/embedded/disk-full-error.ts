/** How the embedded engine says that its disk is full: a commit was not tried for want of space; the store goes on with what it has. */
import { UnavailableError } from '../contract.ts';

export class DiskFullError extends UnavailableError {}
