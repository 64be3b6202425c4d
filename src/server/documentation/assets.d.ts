/** Files of the page are imported as paths: in the file system, or inside the executable once compiled. */

declare module "swagger-ui-dist/*" {
  const path: string;
  export default path;
}

declare module "*/channels.css" {
  const path: string;
  export default path;
}

declare module "*/page-start.js" {
  const path: string;
  export default path;
}
