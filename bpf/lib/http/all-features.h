/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Everything that finding a route may need: for units whose text does not depend on the snapshot. A generated unit says itself what its snapshot needs, and
 * what it does not need is left out of its code: a row that asks for it nevertheless sends the request to user space.
 */
#pragma once

enum km_features {
  KM_WITH_QUERY = 1,     /* conditions on query parameters */
  KM_WITH_VALUES = 1,    /* conditions that look inside of values: contains, ranges of numbers */
  KM_WITH_WILDCARDS = 1, /* wildcard domains */
  KM_WITH_PORTS = 1,     /* hosts whose port or last dot takes no part */
  KM_WITH_ODD_PATHS = 1, /* paths that the connection manager may change */
};
