/** The version that nodes and the API server report. */
export const VERSION = 'v1.36.2+kubernode';
