// What `ferry longtail` loads when it is run, and nothing else.
export { checkFilePlace, formatLongtail, longtail, writeLongtail } from '@ferry/studies';
