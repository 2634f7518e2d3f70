/** What the applier is sent in place of an artifact's path. */
export const ROLLBACK = 'rollback'
