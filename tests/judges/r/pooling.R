# What survival says of the rows of all sites: read from stdin as site,driver,time,event.
# Debian packages: r-base-core r-cran-survival r-cran-jsonlite.
library(survival)
library(jsonlite)

rows <- read.csv(file("stdin"))
rows$driver <- relevel(factor(rows$driver), ref = "BRAF_V600E")
answer <- list()

curve <- survfit(Surv(time, event) ~ 1, rows, conf.type = "log-log")
at <- summary(curve, times = c(91, 183))
answer$km <- list(surv = at$surv, se = at$std.err, low = at$lower, high = at$upper)
answer$median <- unname(quantile(curve, 0.5)$quantile)
answer$rmst <- unname(summary(curve, rmean = 192)$table[c("rmean", "se(rmean)")])

plain <- survdiff(Surv(time, event) ~ driver, rows)
within <- survdiff(Surv(time, event) ~ driver + strata(site), rows)
answer$logrank <- list(plain = plain$chisq, by_site = within$chisq)

fit <- function(formula) {
  found <- coxph(formula, rows, ties = "efron", control = coxph.control(eps = 1e-12, toler.chol = 1e-13, iter.max = 50))
  list(coef = unname(coef(found)), se = unname(sqrt(diag(vcov(found)))), names = names(coef(found)))
}
answer$cox <- list(plain = fit(Surv(time, event) ~ driver),
                   by_site = fit(Surv(time, event) ~ driver + strata(site)))
cat(toJSON(answer, auto_unbox = TRUE, digits = NA, pretty = TRUE), "\n")
