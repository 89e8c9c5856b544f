#pragma once

#include <string_view>

/// The files of this folder, as the build embeds them.
namespace svsep::page_assets {

extern const std::string_view kFrameHtml;
extern const std::string_view kPageHtml;
extern const std::string_view kOverviewHtml;
extern const std::string_view kPageCss;
extern const std::string_view kPageJs;

}  // namespace svsep::page_assets
