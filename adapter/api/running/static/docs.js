// The page of routes: no address of others is asked, nothing is kept in the browser.
"use strict";

SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#routes",
  deepLinking: true,
  // Else it asks an outside service whether the description is valid.
  validatorUrl: null,
  persistAuthorization: false,
});
