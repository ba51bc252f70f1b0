/** How the embedded engine says that its disk is full: a commit was not tried for want of space; the store goes on with what it has. */
import { UnavailableError } from '../contract.ts';

export const DISK_FULL = 'the disk of the store is full: free space, writes resume by themselves';

export class DiskFullError extends UnavailableError {}
