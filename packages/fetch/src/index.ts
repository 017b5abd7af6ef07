export { download, retryAfter, type DownloadOptions } from './download.ts';
export { htmlPage } from './htmlPage.ts';
export { get, type GetOptions, type Got } from './get.ts';
export { fetchPolitely, type Fetched, type PoliteOptions } from './polite.ts';
export { isPrivateAddress, PrivateAddressError } from './privateAddress.ts';
