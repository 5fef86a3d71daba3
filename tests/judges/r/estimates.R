# What R says about cohort.csv (240 invented patients, times in weeks with many ties), for the
# estimators of which the shared reference has no values. `Rscript estimates.R < cohort.csv` prints
# the JSON that lies beside it as expected_estimates.json.
# Debian packages: r-base-core r-cran-survival r-cran-cmprsk r-cran-etm r-cran-jsonlite
suppressPackageStartupMessages({
  library(survival)
  library(cmprsk)
  library(etm)
  library(jsonlite)
})

d <- read.csv(file("stdin"))
d$event <- as.integer(d$cause > 0)
d$state <- factor(d$cause, 0:2, c("censored", "1", "2"))
d$level <- match(d$group, c("a", "b", "c"))
times <- c(0.5, 6, 12, 24, 36.5, 52)
types <- c("plain", "log", "log-log", "logit", "arcsin")

# Kaplan-Meier at the times: one row per time
curve <- function(formula, type, data = d) {
  s <- summary(survfit(formula, data, conf.type = type), times = times, extend = TRUE)
  data.frame(time = s$time, n_risk = s$n.risk, surv = s$surv, se = s$std.err, low = s$lower, high = s$upper)
}

# Cumulative incidence of each cause at the times. survfit's own limits of type arcsin lose all
# states but the first, so they come from the function that it calls for the other types.
incidence <- function(formula, type, data = d) {
  s <- summary(survfit(formula, data, id = id), times = times, extend = TRUE)
  lapply(c("1" = "1", "2" = "2"), function(cause) {
    k <- match(cause, s$states)
    ci <- suppressWarnings(survival:::survfit_confint(s$pstate[, k], s$std.err[, k], logse = FALSE, type, 0.95))
    list(time = s$time, n_risk = s$n.risk[, 1], incidence = s$pstate[, k], se = s$std.err[, k], low = ci$lower, high = ci$upper)
  })
}

# The same with delayed entry by etm, whose variance is the delta form (Greenwood's for one cause);
# survfit's jackknife follows each patient and differs there by some tenths of a percent.
incidence_delayed <- function() {
  from <- data.frame(id = d$id, from = 0, to = ifelse(d$cause == 0, "cens", d$cause), entry = d$entry, exit = d$time)
  states <- c("0", "1", "2")
  moves <- matrix(FALSE, 3, 3, dimnames = list(states, states))
  moves["0", c("1", "2")] <- TRUE
  fit <- etm(from, states, moves, "cens", s = 0)
  step <- findInterval(times, fit$time)[-1]
  lapply(c("1" = "1", "2" = "2"), function(cause) {
    key <- paste("0", cause)
    list(time = times[-1], incidence = fit$est["0", cause, step], se = sqrt(fit$cov[key, key, step]))
  })
}

quantiles <- function(formula, type, data = d) {
  lapply(quantile(survfit(formula, data, conf.type = type), c(0.25, 0.5, 0.75)), as.numeric)
}

by_type <- function(f, ...) sapply(types, function(type) f(..., type), simplify = FALSE)

# Weighted log-rank, written out patient by patient: observed, expected, covariance
weighted <- function(weight, data = d, entry = rep(0, nrow(data))) {
  groups <- sort(unique(d$group))
  o <- e <- setNames(numeric(length(groups)), groups)
  v <- matrix(0, length(groups), length(groups))
  surv <- 1
  for (now in sort(unique(data$time[data$event == 1]))) {
    risk <- entry < now & data$time >= now
    dies <- data$time == now & data$event == 1
    n <- sum(risk)
    dead <- sum(dies)
    w <- weight(surv, n)
    share <- sapply(groups, function(g) sum(risk & data$group == g)) / n
    o <- o + w * sapply(groups, function(g) sum(dies & data$group == g))
    e <- e + w * dead * share
    if (n > 1) v <- v + w^2 * dead * (n - dead) / (n - 1) * (diag(share) - outer(share, share))
    surv <- surv * (1 - dead / n)
  }
  list(observed = o, expected = e, covariance = v)
}
chi2 <- function(score) {
  k <- seq_len(length(score$observed) - 1)
  u <- (score$observed - score$expected)[k]
  c(score, chi2 = drop(u %*% solve(score$covariance[k, k], u)))
}
weights <- list(
  logrank = function(s, n) 1,
  gehan = function(s, n) n,
  tarone_ware = function(s, n) sqrt(n),
  fh_1_0 = function(s, n) s,
  fh_0_1 = function(s, n) 1 - s,
  fh_0.5_2 = function(s, n) sqrt(s) * (1 - s)^2
)
stratified <- function(weight) {
  parts <- lapply(split(d, d$stratum), function(part) weighted(weight, part))
  chi2(Reduce(function(a, b) Map(`+`, a, b), parts))
}

# a test by Gray, of cause 1 and 2
gray <- function(data, ...) {
  tests <- cuminc(data$time, data$cause, data$group, ...)$Tests
  list(chi2 = tests[, "stat"], p = tests[, "pv"], df = tests[, "df"])
}

model <- function(formula, ties) {
  fit <- coxph(formula, d, ties = ties, control = coxph.control(eps = 1e-14, iter.max = 50))
  list(
    coef = unname(coef(fit)), se = unname(sqrt(diag(vcov(fit)))), loglik = fit$loglik,
    score = fit$score, wald = unname(fit$wald.test), concordance = unname(fit$concordance["concordance"])
  )
}
ties <- c(efron = "efron", breslow = "breslow")
at <- function(formula, ties = "efron") {
  coxph(formula, d, ties = ties, control = coxph.control(eps = 1e-14, iter.max = 50))
}

late <- Surv(entry, time, event) ~ 1
ab <- d[d$group != "c", ]
mean_of <- function(formula, data) {
  unname(summary(survfit(formula, data), rmean = 40)$table[c("rmean", "se(rmean)")])
}

out <- list(
  versions = list(
    R = paste(R.version$major, R.version$minor, sep = "."),
    survival = as.character(packageVersion("survival")), cmprsk = as.character(packageVersion("cmprsk")),
    etm = as.character(packageVersion("etm"))
  ),
  incidence = by_type(incidence, Surv(time, state) ~ 1),
  incidence_by_group = lapply(split(d, d$group), function(g) incidence(Surv(time, state) ~ 1, "log-log", g)),
  incidence_delayed = incidence_delayed(),
  gray = list(
    groups3 = gray(d), groups3_rho1 = gray(d, rho = 1), groups2 = gray(ab), groups2_rho0.5 = gray(ab, rho = 0.5),
    stratified = gray(d, strata = d$stratum), stratified_rho1 = gray(d, strata = d$stratum, rho = 1)
  ),
  delayed = list(
    km = by_type(curve, late), quantiles = by_type(quantiles, late), rmst_40 = mean_of(late, d),
    hazard = with(summary(survfit(late, d), times = times, extend = TRUE), list(hazard = cumhaz, se = std.chaz)),
    logrank = chi2(weighted(weights$logrank, d, d$entry)),
    gehan = chi2(weighted(weights$gehan, d, d$entry)),
    fh_1_0 = chi2(weighted(weights$fh_1_0, d, d$entry)),
    cox = lapply(ties, function(t) model(Surv(entry, time, event) ~ dose + node, t)),
    cox_stratified = lapply(ties, function(t) model(Surv(entry, time, event) ~ dose + node + strata(stratum), t)),
    zph = unname(cox.zph(at(Surv(entry, time, event) ~ dose + node))$table[, "chisq"])
  ),
  follow_up = by_type(quantiles, Surv(time, event == 0) ~ 1),
  km_by_group = lapply(split(d, d$group), function(g) curve(Surv(time, event) ~ 1, "plain", g)),
  rmst_40_by_group = lapply(split(d, d$group), function(g) mean_of(Surv(time, event) ~ 1, g)),
  weighted = lapply(weights, function(w) chi2(weighted(w))),
  weighted_stratified = lapply(weights, stratified),
  survdiff = list(
    logrank = survdiff(Surv(time, event) ~ group, d)[c("obs", "exp", "var", "chisq")],
    rho1 = survdiff(Surv(time, event) ~ group, d, rho = 1)[c("obs", "exp", "var", "chisq")],
    rho1_stratified = survdiff(Surv(time, event) ~ group + strata(stratum), d, rho = 1)$chisq
  ),
  trend = list(
    plain = at(Surv(time, event) ~ level, "exact")$score,
    stratified = at(Surv(time, event) ~ level + strata(stratum), "exact")$score
  ),
  cause_specific_cox = model(Surv(time, cause == 1) ~ dose + node, "efron"),
  cox = list(
    exact_stratified = model(Surv(time, event) ~ dose + node + strata(stratum), "exact"),
    efron_stratified = model(Surv(time, event) ~ dose + node + strata(stratum), "efron"),
    robust_stratified_se = unname(sqrt(diag(vcov(coxph(
      Surv(time, event) ~ dose + node + strata(stratum), d, robust = TRUE,
      control = coxph.control(eps = 1e-14, iter.max = 50)
    ))))),
    robust_breslow_se = unname(sqrt(diag(vcov(coxph(
      Surv(time, event) ~ dose + node, d, robust = TRUE, ties = "breslow",
      control = coxph.control(eps = 1e-14, iter.max = 50)
    ))))),
    zph_stratified = unname(cox.zph(at(Surv(time, event) ~ dose + node + strata(stratum)))$table[, "chisq"]),
    zph_breslow = unname(cox.zph(at(Surv(time, event) ~ dose + node, "breslow"))$table[, "chisq"])
  )
)
cat(toJSON(out, digits = I(17), auto_unbox = TRUE, dataframe = "columns", na = "null", pretty = 2), "\n")
