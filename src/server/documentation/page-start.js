/** Starts Swagger UI on this node's own document. A file of its own, so that the page needs no inline script. */

window.SwaggerUIBundle({
  url: "/docs/json",
  dom_id: "#swagger-ui",
  // The default sends the document to a validator on the internet.
  validatorUrl: null,
  deepLinking: true,
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0,
});
