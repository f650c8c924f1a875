# Rscript --vanilla tests/r_survival.R pairs.csv: one line per answer, its name and its numbers.
suppressMessages(library(survival))
d <- read.csv(commandArgs(trailingOnly = TRUE)[1])
d$event <- as.integer(d$observed == "True")
say <- function(name, x) cat(name, format(as.numeric(x), digits = 10), "\n")
m <- coxph(Surv(months, event) ~ mark + jsn, data = d, ties = "efron", cluster = participant_id)
say("cox", coef(m))
say("cox_error", sqrt(diag(m$naive.var)))
say("cox_robust", sqrt(diag(vcov(m))))
say("proportional", cox.zph(coxph(Surv(months, event) ~ mark, data = d), transform = "km")$table[1, 3])
visits <- do.call(rbind, lapply(1:4, function(k) {
  own <- d[d$months >= 12 * k, ]
  own$visit <- k
  own$moved <- as.integer(own$event == 1 & own$months == 12 * k)
  own
}))
g <- glm(moved ~ factor(visit) + mark + jsn, family = binomial("cloglog"), data = visits)
say("cloglog", coef(g)["mark"])
f <- survfit(Surv(months, factor(kind, 0:2)) ~ 1, data = d)
say("incidence", f$pstate[, 2])
