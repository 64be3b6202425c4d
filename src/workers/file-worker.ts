/** The file thread of the commands that verify and copy a database file. */

import { doFileTask, type FileTask } from "../maintenance/file-tasks.ts";

declare const self: Worker;

self.onmessage = ({ data }: MessageEvent<FileTask>) => {
  self.postMessage(doFileTask(data, (message) => self.postMessage(message)));
};
