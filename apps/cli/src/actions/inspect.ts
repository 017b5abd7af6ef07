// What `ferry inspect` loads when it is run, and nothing else.
export {
  checkData,
  checkFilePlace,
  domainPath,
  inspectDomain,
  inspectNews,
  inspectReport,
} from '@ferry/studies';
