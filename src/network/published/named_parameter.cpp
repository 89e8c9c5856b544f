#include "network/published/named_parameter.hpp"

#include <memory>
#include <string>

namespace svsep {

torch::Tensor add_parameter(torch::nn::Module& root, std::string_view name, torch::IntArrayRef shape) {
  const std::size_t dot = name.find('.');
  const std::string first(name.substr(0, dot));
  if (dot == std::string_view::npos) return root.register_parameter(first, torch::empty(shape), false);
  const auto children = root.named_children();
  const std::shared_ptr<torch::nn::Module>* const found = children.find(first);
  torch::nn::Module& child =
      found != nullptr ? **found : *root.register_module(first, std::make_shared<torch::nn::Module>());
  return add_parameter(child, name.substr(dot + 1), shape);
}

void release_parameter(torch::Tensor& parameter) { parameter.set_data(parameter.new_empty({0})); }

}  // namespace svsep
