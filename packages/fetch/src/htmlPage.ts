/** Whether bytes begin as a page of HTML does, and its title. */
export function htmlPage(head: Buffer): string | undefined {
  const text = head
    .subarray(0, 4096)
    .toString('latin1')
    .replace(/^\xef\xbb\xbf/, '')
    .trimStart();
  if (!/^(?:<!doctype html|<html|<head|<body|<\?xml[^>]*>\s*<!doctype html)/i.test(text)) return undefined;
  return /<title[^>]*>([^<]{0,80})/i.exec(text)?.[1]?.trim() ?? '';
}
