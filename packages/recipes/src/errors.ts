/** Something a user must put right; shown without a stack trace. */
export class UserError extends Error {
  override readonly name = 'UserError';
}
